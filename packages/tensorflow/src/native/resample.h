// Crops a box from an image and resizes it: bilinear with antialiasing, as torchvision's resized_crop.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

// Compiled once per processor generation; the loader selects the version that fits.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
#define SELFSUP_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SELFSUP_SIMD
#endif
#define SELFSUP_INLINE inline __attribute__((always_inline))

namespace selfsup {

// Source pixels and weights (with sum `total`) of each result pixel along one axis.
struct Taps {
  std::vector<int32_t> first, count;
  std::vector<float> weights;  // [size][most]
  int32_t most = 0;  // allocated weights per pixel; unused weights are 0
  int32_t used = 0;  // the largest count

  // A triangle filter within [start, start + extent), as wide as one result pixel, or one image pixel when enlarging.
  void Triangle(float start, float extent, int32_t size, bool mirrored, float total) {
    const float scale = extent / size, reach = std::max(scale, 1.0f);
    most = 2 * static_cast<int32_t>(std::ceil(reach)) + 2;
    first.resize(size);
    count.resize(size);
    weights.assign(static_cast<size_t>(size) * most, 0.0f);
    used = 0;
    const int32_t low = static_cast<int32_t>(start), high = static_cast<int32_t>(start + extent);
    for (int32_t i = 0; i < size; ++i) {
      const float centre = ((mirrored ? size - 1 - i : i) + 0.5f) * scale + start;
      int32_t from = std::max(low, static_cast<int32_t>(std::floor(centre - reach - 0.5f)));
      const int32_t to = std::min(high, static_cast<int32_t>(std::ceil(centre + reach + 0.5f)));
      const auto weight = [&](int32_t at) { return 1.0f - std::fabs(at + 0.5f - centre) / reach; };
      while (from < to && weight(from) <= 0.0f) ++from;
      float* w = &weights[static_cast<size_t>(i) * most];
      int32_t taps = 0;
      float sum = 0.0f;
      for (; from + taps < to && taps < most; ++taps) {
        const float value = weight(from + taps);
        if (value <= 0.0f) break;
        sum += w[taps] = value;
      }
      for (int32_t tap = 0; tap < taps; ++tap) w[tap] *= total / sum;
      first[i] = from;
      count[i] = taps;
      used = std::max(used, taps);
    }
  }
};

// A thread's buffers for resizing, reused between images.
struct Resampler {
  Taps rows, columns;
  std::vector<float> wide, narrow;
};

// Four adjacent values without alignment.
typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));
SELFSUP_INLINE Four& At(float* values) { return *reinterpret_cast<Four*>(values); }

/**
 * Calls put(row, line) for each row of the result, line [size * Channels]. Resizes vertically first, which adds whole rows
 * with vector instructions; then horizontally, with a pixel's channels in one vector.
 */
template <typename T, int Channels, typename Put>
SELFSUP_INLINE void Resample(const T* image, int64_t width, Resampler& r, int32_t size, const Put& put) {
  const int32_t left = *std::min_element(r.columns.first.begin(), r.columns.first.end());
  int32_t right = left;
  for (int32_t i = 0; i < size; ++i) right = std::max(right, r.columns.first[i] + r.columns.count[i]);
  const int32_t length = (right - left) * Channels;
  // Extra space: vectors of four are read and written for three channels, and taps of weight 0 are beyond the end.
  r.wide.assign(length + (r.columns.used + 1) * Channels + 1, 0.0f);
  r.narrow.resize(size * Channels + 4);
  float* __restrict wide = r.wide.data();
  float* __restrict narrow = r.narrow.data();
  const int64_t stride = width * Channels;
  for (int32_t row = 0; row < size; ++row) {
    const float* w = &r.rows.weights[static_cast<size_t>(row) * r.rows.most];
    const T* __restrict source = image + (r.rows.first[row] * width + left) * Channels;
    const int32_t taps = r.rows.count[row];
    const float w0 = w[0];
    if (taps == 1) {
      for (int32_t i = 0; i < length; ++i) wide[i] = w0 * static_cast<float>(source[i]);
    } else {
      const T* __restrict next = source + stride;
      const float w1 = w[1];
      for (int32_t i = 0; i < length; ++i)
        wide[i] = w0 * static_cast<float>(source[i]) + w1 * static_cast<float>(next[i]);
      for (int32_t tap = 2; tap < taps; ++tap) {
        const T* __restrict more = source + tap * stride;
        const float wt = w[tap];
        for (int32_t i = 0; i < length; ++i) wide[i] += wt * static_cast<float>(more[i]);
      }
    }
    const int32_t* first = r.columns.first.data();
    const float* v = r.columns.weights.data();
    const int32_t most = r.columns.most, used = r.columns.used;
    // Every pixel uses the same number of taps, the last of weight 0: a fixed loop length saves more than an extra tap costs.
    if (Channels == 3 && used == 1) {
      for (int32_t column = 0; column < size; ++column)
        At(narrow + 3 * column) = At(wide + 3 * (first[column] - left)) * v[column * most];
    } else if (Channels == 3 && used == 2) {
      for (int32_t column = 0; column < size; ++column, v += most) {
        float* at = wide + 3 * (first[column] - left);
        At(narrow + 3 * column) = At(at) * v[0] + At(at + 3) * v[1];
      }
    } else if (Channels == 3) {
      for (int32_t column = 0; column < size; ++column, v += most) {
        float* at = wide + 3 * (first[column] - left);
        Four sum = At(at) * v[0] + At(at + 3) * v[1];
        for (int32_t tap = 2; tap < used; ++tap) sum += At(at + 3 * tap) * v[tap];
        At(narrow + 3 * column) = sum;
      }
    } else {
      for (int32_t column = 0; column < size; ++column, v += most) {
        const float* at = wide + first[column] - left;
        float sum = at[0] * v[0];
        for (int32_t tap = 1; tap < used; ++tap) sum += at[tap] * v[tap];
        narrow[column] = sum;
      }
    }
    put(row, narrow);
  }
}

}  // namespace selfsup
