// Winograd's minimal filtering F(4x4, 3x3): computes a tile of 4x4 results from 6x6 pixels with 36 products instead of 144
// (Lavin & Gray 2016, arXiv:1509.09308). With their matrices B, G, A of interpolation at 0, 1, -1, 2, -2:
//   y  = A'[ (G w G') * (B'x B) ]A          for each tile, summed over the channels
//   dw = G'[ sum over tiles of (B'x B) * (A dy A') ]G, the gradient of the same form.

#include "convolution.h"

#ifdef SELFSUP_CONVOLUTIONS

#include <cstring>

namespace selfsup {
namespace {

constexpr int64_t kOut = 4, kIn = 6, kProducts = kIn * kIn;
constexpr int64_t kLane = 8;
constexpr int64_t kFloatsAtATime = 1 << 17, kFloatsOfGradients = 1 << 20;
constexpr int64_t kWorthwhile = 48;  // with fewer tiles, transforming the filters costs more than it saves

using Vector = __m256;

SELFSUP_AVX2_INLINE Vector All(float value) { return _mm256_set1_ps(value); }
SELFSUP_AVX2_INLINE Vector Plus(Vector a, Vector b) { return _mm256_add_ps(a, b); }
SELFSUP_AVX2_INLINE Vector Minus(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
SELFSUP_AVX2_INLINE Vector PlusTimes(Vector a, float factor, Vector b) { return _mm256_fmadd_ps(All(factor), b, a); }

// Applies B' to six values.
SELFSUP_AVX2_INLINE void InputTransform(const Vector* in, int step, Vector* out, int out_step) {
  const Vector x0 = in[0], x1 = in[step], x2 = in[2 * step], x3 = in[3 * step], x4 = in[4 * step], x5 = in[5 * step];
  const Vector even = PlusTimes(x4, -4, x2), odd = PlusTimes(x3, -4, x1);
  const Vector outer = Minus(x4, x2), twice = _mm256_mul_ps(All(2), Minus(x3, x1));
  out[0] = PlusTimes(PlusTimes(x4, 4, x0), -5, x2);
  out[out_step] = Plus(even, odd);
  out[2 * out_step] = Minus(even, odd);
  out[3 * out_step] = Plus(outer, twice);
  out[4 * out_step] = Minus(outer, twice);
  out[5 * out_step] = PlusTimes(PlusTimes(x5, 4, x1), -5, x3);
}

// Applies A' to six values; returns four.
SELFSUP_AVX2_INLINE void OutputTransform(const Vector* in, int step, Vector* out, int out_step) {
  const Vector m0 = in[0], m1 = in[step], m2 = in[2 * step], m3 = in[3 * step], m4 = in[4 * step], m5 = in[5 * step];
  const Vector near = Plus(m1, m2), far = Plus(m3, m4), near_odd = Minus(m1, m2), far_odd = Minus(m3, m4);
  out[0] = Plus(m0, Plus(near, far));
  out[out_step] = PlusTimes(near_odd, 2, far_odd);
  out[2 * out_step] = PlusTimes(near, 4, far);
  out[3 * out_step] = PlusTimes(Plus(near_odd, m5), 8, far_odd);
}

// Applies A to four values; returns six.
SELFSUP_AVX2_INLINE void GradientTransform(const Vector* in, int step, Vector* out, int out_step) {
  const Vector d0 = in[0], d1 = in[step], d2 = in[2 * step], d3 = in[3 * step];
  const Vector even = Plus(d0, d2), odd = Plus(d1, d3);
  const Vector far_even = PlusTimes(d0, 4, d2), far_odd = _mm256_mul_ps(All(2), PlusTimes(d1, 4, d3));
  out[0] = d0;
  out[out_step] = Plus(even, odd);
  out[2 * out_step] = Minus(even, odd);
  out[3 * out_step] = Plus(far_even, far_odd);
  out[4 * out_step] = Minus(far_even, far_odd);
  out[5 * out_step] = d3;
}

// Applies G to three values; returns six.
SELFSUP_AVX2_INLINE void FilterTransform(const Vector* in, int step, Vector* out, int out_step) {
  const Vector w0 = in[0], w1 = in[step], w2 = in[2 * step];
  const Vector outer = _mm256_mul_ps(All(-1.0f / 6), Plus(w0, w2)), middle = _mm256_mul_ps(All(-1.0f / 6), w1);
  const Vector far = PlusTimes(_mm256_mul_ps(All(1.0f / 24), w0), 1.0f / 6, w2), half = _mm256_mul_ps(All(1.0f / 12), w1);
  out[0] = _mm256_mul_ps(All(0.25f), w0);
  out[out_step] = Plus(outer, middle);
  out[2 * out_step] = Minus(outer, middle);
  out[3 * out_step] = Plus(far, half);
  out[4 * out_step] = Minus(far, half);
  out[5 * out_step] = w2;
}

// Applies G' to six values; returns three.
SELFSUP_AVX2_INLINE void FilterGradientTransform(const Vector* in, int step, Vector* out, int out_step) {
  const Vector u0 = in[0], u1 = in[step], u2 = in[2 * step], u3 = in[3 * step], u4 = in[4 * step], u5 = in[5 * step];
  const Vector near = _mm256_mul_ps(All(-1.0f / 6), Plus(u1, u2)), far = Plus(u3, u4);
  out[0] = PlusTimes(PlusTimes(near, 1.0f / 24, far), 0.25f, u0);
  out[out_step] = PlusTimes(_mm256_mul_ps(All(1.0f / 12), Minus(u3, u4)), -1.0f / 6, Minus(u1, u2));
  out[2 * out_step] = PlusTimes(Plus(near, u5), 1.0f / 6, far);
}

struct Tiles {
  int64_t high, wide, count;
  explicit Tiles(const Convolution& c)
      : high((c.out_height + kOut - 1) / kOut), wide((c.out_width + kOut - 1) / kOut), count(c.batch * high * wide) {}
};

// Pixels of the tile of side x side pixels that starts at (first_y, first_x); null outside the image.
inline void FindTile(const float* image, int64_t height, int64_t width, int64_t channels, int64_t first_y,
                     int64_t first_x, int64_t side, const float** pixels) {
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x) {
      const int64_t iy = first_y + y, ix = first_x + x;
      const bool within = iy >= 0 && iy < height && ix >= 0 && ix < width;
      pixels[y * side + x] = within ? image + (iy * width + ix) * channels : nullptr;
    }
}

// Transforms tiles first .. first + count for the products: out[product][tile][channel], with `room` tiles per product.
SELFSUP_AVX2 void TransformInput(const Convolution& c, const float* x, int64_t first, int64_t count, int64_t room,
                                 float* out) {
  const Tiles tiles(c);
  const float* zeros = Zeros(c.channels);
  for (int64_t i = 0; i < count; ++i, out += c.channels) {
    const int64_t at = first + i, tx = at % tiles.wide, ty = at / tiles.wide % tiles.high,
                  sample = at / (tiles.wide * tiles.high);
    const float* pixels[kProducts];
    FindTile(x + sample * c.height * c.width * c.channels, c.height, c.width, c.channels, ty * kOut - c.top,
             tx * kOut - c.left, kIn, pixels);
    for (auto& pixel : pixels) pixel = pixel ? pixel : zeros;
    for (int64_t k = 0; k < c.channels; k += kLane) {
      Vector half[kProducts], whole[kIn];
      for (int column = 0; column < kIn; ++column) {
        Vector in[kIn];
        for (int row = 0; row < kIn; ++row) in[row] = _mm256_loadu_ps(pixels[row * kIn + column] + k);
        InputTransform(in, 1, half + column, kIn);
      }
      for (int row = 0; row < kIn; ++row) {
        InputTransform(half + row * kIn, 1, whole, 1);
        for (int column = 0; column < kIn; ++column)
          _mm256_storeu_ps(out + (row * kIn + column) * room * c.channels + k, whole[column]);
      }
    }
  }
}

// Transforms gradients of the results into panels: out[product][filters / 16][tile][16].
SELFSUP_AVX2 void TransformGradient(const Convolution& c, const float* dy, int64_t first, int64_t count, int64_t room,
                                    float* out) {
  const Tiles tiles(c);
  const float* zeros = Zeros(c.filters);
  const int64_t panels = c.filters / kTileColumns;
  for (int64_t i = 0; i < count; ++i, out += kTileColumns) {
    const int64_t at = first + i, tx = at % tiles.wide, ty = at / tiles.wide % tiles.high,
                  sample = at / (tiles.wide * tiles.high);
    const float* pixels[kOut * kOut];
    FindTile(dy + sample * c.out_height * c.out_width * c.filters, c.out_height, c.out_width, c.filters, ty * kOut,
             tx * kOut, kOut, pixels);
    for (auto& pixel : pixels) pixel = pixel ? pixel : zeros;
    for (int64_t k = 0; k < c.filters; k += kLane) {
      Vector half[kIn * kOut], whole[kIn];
      for (int column = 0; column < kOut; ++column) {
        Vector in[kOut];
        for (int row = 0; row < kOut; ++row) in[row] = _mm256_loadu_ps(pixels[row * kOut + column] + k);
        GradientTransform(in, 1, half + column, kOut);
      }
      for (int row = 0; row < kIn; ++row) {
        GradientTransform(half + row * kOut, 1, whole, 1);
        for (int column = 0; column < kIn; ++column)
          _mm256_storeu_ps(
              out + ((row * kIn + column) * panels + k / kTileColumns) * room * kTileColumns + k % kTileColumns,
              whole[column]);
      }
    }
  }
}

// Transforms sums of products [product][tile][filter] into the results of tiles first .. first + count.
SELFSUP_AVX2 void TransformOutput(const Convolution& c, const float* sums, int64_t first, int64_t count, int64_t room,
                                  float* y) {
  const Tiles tiles(c);
  for (int64_t i = 0; i < count; ++i, sums += c.filters) {
    const int64_t at = first + i, tx = at % tiles.wide, ty = at / tiles.wide % tiles.high,
                  sample = at / (tiles.wide * tiles.high);
    const float* pixels[kOut * kOut];
    FindTile(y + sample * c.out_height * c.out_width * c.filters, c.out_height, c.out_width, c.filters, ty * kOut,
             tx * kOut, kOut, pixels);
    for (int64_t k = 0; k < c.filters; k += kLane) {
      Vector half[kOut * kIn], whole[kOut];
      for (int column = 0; column < kIn; ++column) {
        Vector in[kIn];
        for (int row = 0; row < kIn; ++row)
          in[row] = _mm256_loadu_ps(sums + (row * kIn + column) * room * c.filters + k);
        OutputTransform(in, 1, half + column, kIn);
      }
      for (int row = 0; row < kOut; ++row) {
        OutputTransform(half + row * kIn, 1, whole, 1);
        for (int column = 0; column < kOut; ++column) {
          const float* pixel = pixels[row * kOut + column];
          if (pixel) _mm256_storeu_ps(const_cast<float*>(pixel) + k, whole[column]);
        }
      }
    }
  }
}

// Transforms one channel of filters [3][3][channels][filters] into panels [product][filters / 16][channels][16].
SELFSUP_AVX2 void TransformFilters(const float* w, int64_t channel, int64_t channels, int64_t filters, float* panels) {
  for (int64_t j = 0; j < filters; j += kLane) {
    Vector half[kIn * 3], whole[kIn];
    for (int column = 0; column < 3; ++column) {
      Vector in[3];
      for (int row = 0; row < 3; ++row)
        in[row] = _mm256_loadu_ps(w + ((row * 3 + column) * channels + channel) * filters + j);
      FilterTransform(in, 1, half + column, 3);
    }
    const int64_t panel = j / kTileColumns, place = j % kTileColumns;
    for (int row = 0; row < kIn; ++row) {
      FilterTransform(half + row * 3, 1, whole, 1);
      for (int column = 0; column < kIn; ++column) {
        const int64_t product = row * kIn + column;
        _mm256_storeu_ps(
            panels + ((product * (filters / kTileColumns) + panel) * channels + channel) * kTileColumns + place,
            whole[column]);
      }
    }
  }
}

// Transforms sums [product][channels][filters] of one channel into the filter gradient.
SELFSUP_AVX2 void TransformFilterGradient(const float* sums, int64_t channel, int64_t channels, int64_t filters,
                                          float* dw) {
  for (int64_t j = 0; j < filters; j += kLane) {
    Vector half[3 * kIn], whole[3];
    for (int column = 0; column < kIn; ++column) {
      Vector in[kIn];
      for (int row = 0; row < kIn; ++row)
        in[row] = _mm256_loadu_ps(sums + ((row * kIn + column) * channels + channel) * filters + j);
      FilterGradientTransform(in, 1, half + column, kIn);
    }
    for (int row = 0; row < 3; ++row) {
      FilterGradientTransform(half + row * kIn, 1, whole, 1);
      for (int column = 0; column < 3; ++column)
        _mm256_storeu_ps(dw + ((row * 3 + column) * channels + channel) * filters + j, whole[column]);
    }
  }
}

// sums[tile][j] = sum over k of in[tile][k] * panels[j / 16][k][j % 16]
SELFSUP_AVX2 void MultiplyTiles(const float* in, int64_t count, int64_t depth, const float* panels, int64_t columns,
                                float* sums) {
  for (int64_t from = 0; from < columns; from += kTileColumns, panels += depth * kTileColumns)
    for (int64_t row = 0; row < count; row += kTileRows) {
      const int64_t some = std::min<int64_t>(kTileRows, count - row);
      SELFSUP_WITH_ROWS(some, {
        Tile<R> tile;
        tile.Clear();
        tile.AddStrided(in + row * depth, depth, depth, panels);
        for (int r = 0; r < R; ++r) tile.Store(r, sums + (row + r) * columns + from, kTileColumns);
      })
    }
}

// sums[i][j] += sum over tiles of x[tile][i] * panels[j / 16][tile][j % 16], for i from first to last
SELFSUP_AVX2 void AddTiles(const float* x, const float* panels, int64_t count, int64_t room, int64_t channels,
                           int64_t first, int64_t last, int64_t filters, float* sums) {
  for (int64_t from = 0; from < filters; from += kTileColumns, panels += room * kTileColumns)
    for (int64_t i = first; i < last; i += kTileRows) {
      const int64_t some = std::min<int64_t>(kTileRows, last - i);
      SELFSUP_WITH_ROWS(some, {
        Tile<R> tile;
        tile.Clear();
        tile.AddColumns(x + i, channels, count, panels);
        for (int r = 0; r < R; ++r) tile.Add(r, sums + (i + r) * filters + from, kTileColumns);
      })
    }
}

// How many tiles a task transforms at a time, so that the results stay in the caches.
int64_t TilesAtATime(int64_t channels, int64_t filters, int64_t floats, int64_t least) {
  const int64_t some = floats / (kProducts * (channels + filters)) / kTileRows * kTileRows;
  return std::clamp<int64_t>(some, least, 384);
}

struct TileMemory {
  Scratch inputs, sums;
};

void Convolve(const Convolution& c, const float* x, const float* w, float* y) {
  static thread_local Scratch packed;
  float* panels = packed.Of(kProducts * c.channels * c.filters);
  Workers::Get().Each(c.channels, [&](int64_t channel) { TransformFilters(w, channel, c.channels, c.filters, panels); });
  const Tiles tiles(c);
  // With few channels, a task's buffers fit the second-level cache. With many, the filters are read once for many tiles.
  const int64_t share = (tiles.count + Workers::Get().threads() - 1) / Workers::Get().threads();
  const int64_t least = c.channels * c.filters > 1 << 15 ? 96 : 24;
  const int64_t room = std::min(share, TilesAtATime(c.channels, c.filters, kFloatsAtATime, least));
  Workers::Get().Each((tiles.count + room - 1) / room, [&](int64_t part) {
    static thread_local TileMemory memory;
    const int64_t first = part * room, count = std::min(room, tiles.count - first);
    float* inputs = memory.inputs.Of(kProducts * room * c.channels);
    float* sums = memory.sums.Of(kProducts * room * c.filters);
    TransformInput(c, x, first, count, room, inputs);
    for (int64_t product = 0; product < kProducts; ++product)
      MultiplyTiles(inputs + product * room * c.channels, count, c.channels, panels + product * c.channels * c.filters,
                    c.filters, sums + product * room * c.filters);
    TransformOutput(c, sums, first, count, room, y);
  });
}

}  // namespace

bool SuitsWinograd(const Convolution& c) {
  return c.kernel_height == 3 && c.kernel_width == 3 && c.stride == 1 && c.channels % 16 == 0 && c.filters % 16 == 0 &&
         c.out_height >= kOut && c.out_width >= kOut && Tiles(c).count >= kWorthwhile;
}

void ConvolveWinograd(const Convolution& c, const float* x, const float* w, float* y) { Convolve(c, x, w, y); }

void ConvolveWinogradInput(const Convolution& c, const float* dy, const float* w, float* dx) {
  // A convolution of the gradients with the filters rotated by 180 degrees and channels and filters swapped.
  const Convolution back{c.batch,  c.out_height, c.out_width, c.filters, c.height, c.width, c.channels, 3, 3, 1,
                         2 - c.top, 2 - c.left};
  static thread_local Scratch turned;
  const int64_t size = c.channels * c.filters;
  float* filters = turned.Of(9 * size);
  Workers::Get().Each(9, [&](int64_t t) { Transpose(w + t * size, c.channels, c.filters, filters + (8 - t) * size); });
  Convolve(back, dy, filters, dx);
}

void ConvolveWinogradFilter(const Convolution& c, const float* x, const float* dy, float* dw) {
  const Tiles tiles(c);
  const int64_t room = std::min(tiles.count, TilesAtATime(c.channels, c.filters, kFloatsOfGradients, 96));
  static thread_local Scratch all_inputs, all_gradients, all_sums;
  float* inputs = all_inputs.Of(kProducts * room * c.channels);
  float* gradients = all_gradients.Of(kProducts * room * c.filters);
  float* sums = all_sums.Of(kProducts * c.channels * c.filters);
  std::memset(sums, 0, kProducts * c.channels * c.filters * sizeof(float));
  constexpr int64_t kSome = 12;  // tiles that are transformed at a time
  const int64_t third = std::max<int64_t>(kTileRows, (c.channels / 3 + kTileRows - 1) / kTileRows * kTileRows);
  const int64_t pieces = (c.channels + third - 1) / third;
  for (int64_t first = 0; first < tiles.count; first += room) {
    const int64_t count = std::min(room, tiles.count - first);
    Workers::Get().Each((count + kSome - 1) / kSome, [&](int64_t part) {
      const int64_t from = part * kSome, some = std::min(kSome, count - from);
      TransformInput(c, x, first + from, some, room, inputs + from * c.channels);
      TransformGradient(c, dy, first + from, some, room, gradients + from * kTileColumns);
    });
    Workers::Get().Each(kProducts * pieces, [&](int64_t part) {
      const int64_t product = part / pieces, from = part % pieces * third, to = std::min(c.channels, from + third);
      AddTiles(inputs + product * room * c.channels, gradients + product * room * c.filters, count, room, c.channels,
               from, to, c.filters, sums + product * c.channels * c.filters);
    });
  }
  Workers::Get().Each(c.channels,
                      [&](int64_t channel) { TransformFilterGradient(sums, channel, c.channels, c.filters, dw); });
}

}  // namespace selfsup

#endif
