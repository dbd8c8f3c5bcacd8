// Computes one view of an image from fixed parameters: all augmentations of @selfsup/augment in one pass.
#pragma once

#include "resample.h"

namespace selfsup {

// The columns of the parameters, in the order in which packages/kernels/src/views.ts writes them.
struct View {
  float top, left, height, width;       // the box, in pixels
  float mirrored, upside_down, quarters;  // 0 or 1; quarters counter-clockwise
  float brightness, contrast, saturation, hue;
  float places[4];                      // order of the four color operations above
  float grey, sigma, solarised;
};
constexpr int kViewColumns = sizeof(View) / sizeof(float);

struct ViewSettings {
  int32_t size = 0, kernel_size = 0;
  float threshold = 0.5f;
  float mean[3] = {0, 0, 0}, inverse_std[3] = {1, 1, 1};
};

// A thread's buffers for computing views, reused between views.
struct ViewMemory {
  Resampler resampler;
  std::vector<float> planes, other, padded, taps;
};

SELFSUP_INLINE float Clamp(float x) { return std::min(1.0f, std::max(0.0f, x)); }
SELFSUP_INLINE float Luma(float r, float g, float b) { return 0.2989f * r + 0.587f * g + 0.114f * b; }

SELFSUP_INLINE void Brightness(float* __restrict x, int64_t n, float factor) {
  for (int64_t i = 0; i < n; ++i) x[i] = Clamp(x[i] * factor);
}

SELFSUP_INLINE void Contrast(float* __restrict x, int64_t pixels, float factor) {
  float* __restrict r = x;
  float* __restrict g = x + pixels;
  float* __restrict b = x + 2 * pixels;
  // Sums blocks of 512 pixels in float32 and the blocks in double, to keep precision for large images.
  double total = 0;
  for (int64_t from = 0; from < pixels; from += 512) {
    const int64_t to = std::min(pixels, from + 512);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = from; i < to; ++i) sum += Luma(r[i], g[i], b[i]);
    total += sum;
  }
  const float rest = (1.0f - factor) * static_cast<float>(total / pixels);
  for (int64_t i = 0; i < 3 * pixels; ++i) x[i] = Clamp(x[i] * factor + rest);
}

SELFSUP_INLINE void Saturation(float* __restrict r, float* __restrict g, float* __restrict b, int64_t pixels,
                               float factor) {
  for (int64_t i = 0; i < pixels; ++i) {
    const float rest = (1.0f - factor) * Luma(r[i], g[i], b[i]);
    r[i] = Clamp(r[i] * factor + rest);
    g[i] = Clamp(g[i] * factor + rest);
    b[i] = Clamp(b[i] * factor + rest);
  }
}

// channel = largest - chroma * clamp(min(k, 4 - k), 0, 1) with k = (n + hue) mod 6 and n = 5, 3, 1 for R, G, B.
SELFSUP_INLINE void Hue(float* __restrict r, float* __restrict g, float* __restrict b, int64_t pixels,
                        float turns) {
  const auto channel = [](float largest, float chroma, float n) {
    const float k = n - std::floor(n * (1.0f / 6)) * 6;
    return largest - chroma * Clamp(std::min(k, 4 - k));
  };
  for (int64_t i = 0; i < pixels; ++i) {
    const float red = r[i], green = g[i], blue = b[i];
    const float largest = std::max(red, std::max(green, blue));
    const float chroma = largest - std::min(red, std::min(green, blue));
    const float inverse = 1.0f / (chroma == 0.0f ? 1.0f : chroma);
    const float on_green = (blue - red) * inverse + 2, on_blue = (red - green) * inverse + 4;
    const float hue = largest == red ? (green - blue) * inverse : largest == green ? on_green : on_blue;
    const float turned = hue + turns * 6;
    r[i] = channel(largest, chroma, turned + 5);
    g[i] = channel(largest, chroma, turned + 3);
    b[i] = channel(largest, chroma, turned + 1);
  }
}

SELFSUP_INLINE void Grey(float* __restrict r, float* __restrict g, float* __restrict b, int64_t pixels) {
  for (int64_t i = 0; i < pixels; ++i) r[i] = g[i] = b[i] = Luma(r[i], g[i], b[i]);
}

SELFSUP_INLINE void Solarise(float* __restrict x, int64_t n, float threshold) {
  for (int64_t i = 0; i < n; ++i) x[i] = x[i] >= threshold ? 1.0f - x[i] : x[i];
}

// Eight adjacent values: one register. The sums of 32 pixels stay in four registers.
typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));

SELFSUP_INLINE void AddUp(const float* const* __restrict sources, const float* __restrict w, int32_t taps,
                          float* __restrict target, int32_t length) {
  int32_t x = 0;
  for (; x + 32 <= length; x += 32) {
    Eight a = {}, b = {}, c = {}, d = {};
    for (int32_t tap = 0; tap < taps; ++tap) {
      const Eight* s = reinterpret_cast<const Eight*>(sources[tap] + x);
      const float weight = w[tap];
      a += s[0] * weight;
      b += s[1] * weight;
      c += s[2] * weight;
      d += s[3] * weight;
    }
    Eight* t = reinterpret_cast<Eight*>(target + x);
    t[0] = a;
    t[1] = b;
    t[2] = c;
    t[3] = d;
  }
  for (; x + 8 <= length; x += 8) {
    Eight a = {};
    for (int32_t tap = 0; tap < taps; ++tap) a += *reinterpret_cast<const Eight*>(sources[tap] + x) * w[tap];
    *reinterpret_cast<Eight*>(target + x) = a;
  }
  for (; x < length; ++x) {
    float a = 0;
    for (int32_t tap = 0; tap < taps; ++tap) a += sources[tap][x] * w[tap];
    target[x] = a;
  }
}

// Separable Gaussian blur, mirrored at the border without repeating the edge, as torchvision's gaussian_blur.
SELFSUP_INLINE void Blur(float* plane, int32_t size, int32_t kernel_size, float sigma, ViewMemory& m) {
  const int32_t whole = (kernel_size - 1) / 2;
  // Taps beyond six standard deviations weigh less than 2e-8 of the middle tap.
  const int32_t reach = std::min(whole, static_cast<int32_t>(std::ceil(6 * sigma)));
  const int32_t taps = 2 * reach + 1;
  m.taps.resize(taps);
  float sum = 0;
  for (int32_t t = 0; t < taps; ++t) {
    const float distance = (t - reach) / std::max(sigma, 1e-3f);
    sum += m.taps[t] = std::exp(-0.5f * distance * distance);
  }
  for (float& w : m.taps) w /= sum;
  const auto reflect = [size](int32_t i) {
    i = std::abs(i);
    return i < size ? i : 2 * (size - 1) - i;
  };
  m.other.resize(static_cast<size_t>(size) * size);
  m.padded.resize(size + 2 * reach);
  std::vector<const float*> sources(taps);
  for (int32_t row = 0; row < size; ++row) {
    for (int32_t t = 0; t < taps; ++t) sources[t] = plane + static_cast<size_t>(reflect(row + t - reach)) * size;
    AddUp(sources.data(), m.taps.data(), taps, &m.other[static_cast<size_t>(row) * size], size);
  }
  for (int32_t t = 0; t < taps; ++t) sources[t] = m.padded.data() + t;
  for (int32_t row = 0; row < size; ++row) {
    const float* line = &m.other[static_cast<size_t>(row) * size];
    std::memcpy(m.padded.data() + reach, line, size * sizeof(float));
    for (int32_t i = 1; i <= reach; ++i) {
      m.padded[reach - i] = line[i];
      m.padded[reach + size - 1 + i] = line[size - 1 - i];
    }
    AddUp(sources.data(), m.taps.data(), taps, plane + static_cast<size_t>(row) * size, size);
  }
}

SELFSUP_INLINE void Turn(float* plane, int32_t size, int quarters, ViewMemory& m) {
  m.other.assign(plane, plane + static_cast<size_t>(size) * size);
  for (int32_t row = 0; row < size; ++row) {
    for (int32_t column = 0; column < size; ++column) {
      const int32_t back_row = size - 1 - row, back_column = size - 1 - column;
      const int32_t from = quarters == 1   ? column * size + back_row
                           : quarters == 2 ? back_row * size + back_column
                                           : back_column * size + row;
      plane[static_cast<size_t>(row) * size + column] = m.other[from];
    }
  }
}

/**
 * @param image [height, width, Channels], 0..255
 * @param out [size, size, Channels], normalised
 */
template <typename T, int Channels>
SELFSUP_INLINE void MakeView(const T* image, int64_t width, const View& v, const ViewSettings& s, ViewMemory& m,
                             float* __restrict out) {
  const int32_t size = s.size;
  const int64_t pixels = static_cast<int64_t>(size) * size;
  m.planes.resize(pixels * Channels);
  float* x = m.planes.data();
  m.resampler.rows.Triangle(v.top, v.height, size, v.upside_down > 0, 1.0f);
  m.resampler.columns.Triangle(v.left, v.width, size, v.mirrored > 0, 1.0f / 255);
  Resample<T, Channels>(image, width, m.resampler, size, [&](int32_t row, const float* __restrict line) {
    float* __restrict to = x + static_cast<int64_t>(row) * size;
    for (int c = 0; c < Channels; ++c)
      for (int32_t i = 0; i < size; ++i) to[c * pixels + i] = line[i * Channels + c];
  });
  if (v.quarters > 0)
    for (int c = 0; c < Channels; ++c) Turn(x + c * pixels, size, static_cast<int>(v.quarters), m);
  if (Channels == 3) {
    float *r = x, *g = x + pixels, *b = x + 2 * pixels;
    for (int place = 0; place < 4; ++place) {
      if (v.places[0] == place && v.brightness != 1) Brightness(x, 3 * pixels, v.brightness);
      if (v.places[1] == place && v.contrast != 1) Contrast(x, pixels, v.contrast);
      if (v.places[2] == place && v.saturation != 1) Saturation(r, g, b, pixels, v.saturation);
      if (v.places[3] == place && v.hue != 0) Hue(r, g, b, pixels, v.hue);
    }
    if (v.grey > 0) Grey(r, g, b, pixels);
  }
  if (v.sigma > 0 && s.kernel_size > 1)
    for (int c = 0; c < Channels; ++c) Blur(x + c * pixels, size, s.kernel_size, v.sigma, m);
  if (v.solarised > 0) Solarise(x, pixels * Channels, s.threshold);
  if (Channels == 3) {
    const float *__restrict r = x, *__restrict g = x + pixels, *__restrict b = x + 2 * pixels;
    const float mr = s.mean[0], mg = s.mean[1], mb = s.mean[2];
    const float fr = s.inverse_std[0], fg = s.inverse_std[1], fb = s.inverse_std[2];
    for (int64_t i = 0; i < pixels; ++i) {
      out[3 * i] = (r[i] - mr) * fr;
      out[3 * i + 1] = (g[i] - mg) * fg;
      out[3 * i + 2] = (b[i] - mb) * fb;
    }
  } else {
    const float mean = s.mean[0], factor = s.inverse_std[0];
    for (int64_t i = 0; i < pixels; ++i) out[i] = (x[i] - mean) * factor;
  }
}

}  // namespace selfsup
