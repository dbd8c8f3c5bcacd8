// Convolutions as matrix products whose left side is never made: each row of it is looked up where the picture's
// pixels lie (the indirect convolution of Dukhan 2019, arXiv:1907.02129).

#include "convolution.h"

#ifdef SELFSUP_CONVOLUTIONS

#include <cstring>

namespace selfsup {
namespace {

constexpr int64_t kRows = 96;    // results that a part makes at a time
constexpr int64_t kPixels = 128;  // pixels that a part of a filter's gradient adds up at a time

struct RowsMemory {
  std::vector<const float*> pixels;  // [taps][kRows]
  std::vector<float*> outs;
};

// Up to kRows rows: out[row][j] = sum over taps and k of pixels[tap][row][k] * panels[j / 16][tap][k][j % 16]
SELFSUP_AVX2 void Product(const RowsMemory& memory, int64_t rows, const std::vector<int64_t>& taps, int64_t all_taps,
                          int64_t depth, const float* panels, int64_t columns) {
  for (int64_t p = 0; p < Panels(columns); ++p) {
    const float* panel = panels + p * all_taps * depth * kTileColumns;
    const int64_t from = p * kTileColumns;
    for (int64_t row = 0; row < rows; row += kTileRows) {
      const int64_t some = std::min<int64_t>(kTileRows, rows - row);
      SELFSUP_WITH_ROWS(some, {
        Tile<R> tile;
        tile.Clear();
        tile.AddRows(&memory.pixels[row], kRows, taps.data(), taps.size(), depth, panel);
        for (int r = 0; r < R; ++r) tile.Store(r, memory.outs[row + r] + from, columns - from);
      })
    }
  }
}

// The pixels under each of a filter's taps for results first .. first + rows; zeros outside of the picture.
void FindPixels(const Convolution& c, const float* x, int64_t first, int64_t rows, int64_t stride_of_taps,
                const float** pixels) {
  const float* zeros = Zeros(c.channels);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t at = first + row, ox = at % c.out_width, oy = at / c.out_width % c.out_height,
                  image = at / (c.out_width * c.out_height);
    const float* picture = x + image * c.height * c.width * c.channels;
    for (int64_t ky = 0, t = 0; ky < c.kernel_height; ++ky) {
      const int64_t iy = oy * c.stride + ky - c.top;
      for (int64_t kx = 0; kx < c.kernel_width; ++kx, ++t) {
        const int64_t ix = ox * c.stride + kx - c.left;
        const bool within = iy >= 0 && iy < c.height && ix >= 0 && ix < c.width;
        pixels[t * stride_of_taps + row] = within ? picture + (iy * c.width + ix) * c.channels : zeros;
      }
    }
  }
}

}  // namespace

void ConvolveDirect(const Convolution& c, const float* x, const float* w, float* y) {
  std::vector<int64_t> taps(c.taps());
  for (int64_t t = 0; t < c.taps(); ++t) taps[t] = t;
  static thread_local Scratch packed;
  float* panels = packed.Of(c.taps() * c.channels * Panels(c.filters) * kTileColumns);
  PackPanels(w, c.taps() * c.channels, c.filters, panels);
  const int64_t all = c.out_pixels();
  Workers::Get().Each((all + kRows - 1) / kRows, [&](int64_t part) {
    static thread_local RowsMemory memory;
    const int64_t first = part * kRows, rows = std::min(kRows, all - first);
    memory.pixels.resize(c.taps() * kRows);
    memory.outs.resize(kRows);
    FindPixels(c, x, first, rows, kRows, memory.pixels.data());
    for (int64_t row = 0; row < rows; ++row) memory.outs[row] = y + (first + row) * c.filters;
    Product(memory, rows, taps, c.taps(), c.channels, panels, c.filters);
  });
}

void ConvolveDirectInput(const Convolution& c, const float* dy, const float* w, float* dx) {
  // Pixels of the picture that the same taps reach, one class for each place within a stride.
  const int64_t classes = c.stride * c.stride;
  static thread_local Scratch turned, packed;
  float* filters = turned.Of(c.taps() * c.filters * c.channels);
  for (int64_t t = 0; t < c.taps(); ++t) {
    const int64_t size = c.channels * c.filters;
    Transpose(w + t * size, c.channels, c.filters, filters + t * size);
  }
  float* panels = packed.Of(c.taps() * c.filters * Panels(c.channels) * kTileColumns);
  PackPanels(filters, c.taps() * c.filters, c.channels, panels);
  std::vector<std::vector<int64_t>> taps(classes);
  for (int64_t place = 0; place < classes; ++place)
    for (int64_t t = 0; t < c.taps(); ++t) {
      const int64_t y = place / c.stride + c.top - t / c.kernel_width, x = place % c.stride + c.left - t % c.kernel_width;
      if (y % c.stride == 0 && x % c.stride == 0) taps[place].push_back(t);
    }
  // A part: rows of one class. Classes have nearly as many pixels each; some parts of the last rows are empty.
  const int64_t high = (c.height + c.stride - 1) / c.stride, wide = (c.width + c.stride - 1) / c.stride;
  const int64_t each = c.batch * high * wide, parts = (each + kRows - 1) / kRows;
  Workers::Get().Each(classes * parts, [&](int64_t part) {
    static thread_local RowsMemory memory;
    const int64_t place = part / parts, first = part % parts * kRows, last = std::min(each, first + kRows);
    const auto& own = taps[place];
    memory.pixels.resize(std::max<int64_t>(1, own.size()) * kRows);
    memory.outs.resize(kRows);
    const float* zeros = Zeros(c.filters);
    int64_t rows = 0;
    for (int64_t at = first; at < last; ++at) {
      const int64_t ix = at % wide * c.stride + place % c.stride, iy = at / wide % high * c.stride + place / c.stride,
                    image = at / (wide * high);
      if (ix >= c.width || iy >= c.height) continue;
      for (size_t t = 0; t < own.size(); ++t) {
        // Divided only when not negative, so that it is rounded down.
        const int64_t y = iy + c.top - own[t] / c.kernel_width, x = ix + c.left - own[t] % c.kernel_width;
        const int64_t oy = y / c.stride, ox = x / c.stride;
        const bool within = y >= 0 && x >= 0 && oy < c.out_height && ox < c.out_width;
        memory.pixels[t * kRows + rows] =
            within ? dy + ((image * c.out_height + oy) * c.out_width + ox) * c.filters : zeros;
      }
      memory.outs[rows++] = dx + ((image * c.height + iy) * c.width + ix) * c.channels;
    }
    Product(memory, rows, own, c.taps(), c.filters, panels, c.channels);
  });
}

namespace {

// dw[tap][i][j] += sum over pixels of pixels[tap][pixel][i] * dy[pixel][j]
SELFSUP_AVX2 void AddPixels(const float* const* pixels, int64_t count, int64_t taps, int64_t depth, const float* dy,
                            int64_t filters, float* dw) {
  // Each 16 columns copied together: pixels a power of two apart would share a few lines of the cache.
  alignas(64) float panel[kPixels * kTileColumns];
  for (int64_t from = 0; from < filters; from += kTileColumns) {
    const int64_t columns = std::min<int64_t>(kTileColumns, filters - from);
    for (int64_t at = 0; at < count; ++at) {
      std::copy_n(dy + at * filters + from, columns, panel + at * kTileColumns);
      std::fill_n(panel + at * kTileColumns + columns, kTileColumns - columns, 0.0f);
    }
    for (int64_t t = 0; t < taps; ++t)
      for (int64_t k = 0; k < depth; k += kTileRows) {
        const int64_t some = std::min<int64_t>(kTileRows, depth - k);
        SELFSUP_WITH_ROWS(some, {
          Tile<R> tile;
          tile.Clear();
          tile.AddColumns(Scattered{pixels + t * kPixels, k}, count, panel, kTileColumns);
          for (int r = 0; r < R; ++r) tile.Add(r, dw + (t * depth + k + r) * filters + from, columns);
        })
      }
  }
}

}  // namespace

void ConvolveDirectFilter(const Convolution& c, const float* x, const float* dy, float* dw) {
  const int64_t size = c.taps() * c.channels * c.filters, all = c.out_pixels();
  const int64_t blocks = (all + kPixels - 1) / kPixels;
  // Sums of fixed shares of the pixels, added in order: the same numbers whichever thread is faster.
  const int64_t shares = std::min<int64_t>(blocks, Workers::Get().threads());
  static thread_local Scratch sums;
  float* others = sums.Of(std::max<int64_t>(1, shares - 1) * size);
  Workers::Get().Each(shares, [&](int64_t share) {
    static thread_local std::vector<const float*> pixels;
    pixels.resize(c.taps() * kPixels);
    float* own = share == 0 ? dw : others + (share - 1) * size;
    std::memset(own, 0, size * sizeof(float));
    for (int64_t block = blocks * share / shares; block < blocks * (share + 1) / shares; ++block) {
      const int64_t first = block * kPixels, count = std::min(kPixels, all - first);
      FindPixels(c, x, first, count, kPixels, pixels.data());
      AddPixels(pixels.data(), count, c.taps(), c.channels, dy + first * c.filters, c.filters, own);
    }
  });
  for (int64_t share = 1; share < shares; ++share) {
    const float* other = others + (share - 1) * size;
    for (int64_t i = 0; i < size; ++i) dw[i] += other[i];
  }
}

}  // namespace selfsup

#endif
