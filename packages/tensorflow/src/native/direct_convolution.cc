// Convolutions as matrix products whose left operand is not materialized: pointers to the image's pixels replace its rows
// (the indirect convolution of Dukhan 2019, arXiv:1907.02129). The pixels under one row of a filter are contiguous: a strip.

#include "convolution.h"

#ifdef SELFSUP_CONVOLUTIONS

namespace selfsup {
namespace {

constexpr int64_t kRows = 96;    // results that a task computes at a time
constexpr int64_t kPixels = 128;  // pixels that a task of a filter gradient sums at a time
constexpr int64_t kTogether = 36;  // channels that are copied together

struct RowsMemory {
  std::vector<const float*> strips;  // [strips of a result][kRows]
  std::vector<float*> outs;
  Scratch copied;
};

// For up to kRows rows: out[row][j] = sum over strips and k of strips[strip][row][k] * panels[j / 16][strip][k][j % 16]
SELFSUP_AVX2 void Product(const RowsMemory& memory, int64_t rows, int64_t strips, int64_t depth, const float* panels,
                          int64_t columns) {
  for (int64_t p = 0; p < Panels(columns); ++p) {
    const float* panel = panels + p * strips * depth * kTileColumns;
    const int64_t from = p * kTileColumns;
    for (int64_t row = 0; row < rows; row += kTileRows) {
      const int64_t some = std::min<int64_t>(kTileRows, rows - row);
      SELFSUP_WITH_ROWS(some, {
        Tile<R> tile;
        tile.Clear();
        tile.AddRows(&memory.strips[row], kRows, strips, depth, panel);
        for (int r = 0; r < R; ++r) tile.Store(r, memory.outs[row + r] + from, columns - from);
      })
    }
  }
}

}  // namespace

void ConvolveDirect(const Convolution& c, const float* x, const float* w, float* y) {
  const int64_t strips = c.kernel_height, depth = c.kernel_width * c.channels, all = c.out_pixels();
  static thread_local Scratch packed;
  float* panels = packed.Of(strips * depth * Panels(c.filters) * kTileColumns);
  PackPanels(w, strips * depth, c.filters, panels);
  Workers::Get().Each((all + kRows - 1) / kRows, [&](int64_t part) {
    static thread_local RowsMemory memory;
    const int64_t first = part * kRows, rows = std::min(kRows, all - first);
    memory.strips.resize(strips * kRows);
    memory.outs.resize(kRows);
    float* copies = memory.copied.Of(strips * kRows * depth);
    const float* zeros = Zeros(depth);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = first + row, ox = at % c.out_width, oy = at / c.out_width % c.out_height,
                    sample = at / (c.out_width * c.out_height);
      const float* image = x + sample * c.height * c.width * c.channels;
      for (int64_t strip = 0; strip < strips; ++strip) {
        const int64_t place = strip * kRows + row;
        memory.strips[place] = FindStrip(image, c.height, c.width, c.channels, oy * c.stride + strip - c.top,
                                         ox * c.stride - c.left, c.kernel_width, zeros, copies + place * depth);
      }
      memory.outs[row] = y + at * c.filters;
    }
    Product(memory, rows, strips, depth, panels, c.filters);
  });
}

void ConvolveDirectInput(const Convolution& c, const float* dy, const float* w, float* dx) {
  // Pixels that the same filter positions reach form a class: one class per place within a stride.
  const int64_t size = c.channels * c.filters, wide_panels = Panels(c.channels) * kTileColumns;
  static thread_local Scratch turned, gathered, packed;
  float* filters = turned.Of(c.taps() * size);
  for (int64_t t = 0; t < c.taps(); ++t) Transpose(w + t * size, c.channels, c.filters, filters + t * size);
  struct Class {
    std::vector<int64_t> rows, columns;
    const float* panels;
  };
  std::vector<Class> classes;
  float* together = gathered.Of(c.taps() * size);
  float* panels = packed.Of(c.taps() * c.filters * wide_panels);
  for (int64_t place = 0; place < c.stride * c.stride; ++place) {
    Class own{Reaching(place / c.stride, c.top, c.kernel_height, c.stride),
              Reaching(place % c.stride, c.left, c.kernel_width, c.stride), panels};
    float* next = together;
    for (int64_t ky : own.rows)
      for (int64_t kx : own.columns) next = std::copy_n(filters + (ky * c.kernel_width + kx) * size, size, next);
    const int64_t depth = static_cast<int64_t>(own.rows.size() * own.columns.size()) * c.filters;
    PackPanels(together, depth, c.channels, panels);
    panels += depth * wide_panels;
    classes.push_back(std::move(own));
  }
  // A task computes rows of one class. All classes have nearly the same number of pixels.
  const int64_t high = (c.height + c.stride - 1) / c.stride, wide = (c.width + c.stride - 1) / c.stride;
  const int64_t each = c.batch * high * wide, parts = (each + kRows - 1) / kRows;
  Workers::Get().Each(c.stride * c.stride * parts, [&](int64_t part) {
    static thread_local RowsMemory memory;
    const int64_t place = part / parts, first = part % parts * kRows, last = std::min(each, first + kRows);
    const Class& own = classes[place];
    const int64_t strips = own.columns.empty() ? 0 : static_cast<int64_t>(own.rows.size());
    const int64_t count = static_cast<int64_t>(own.columns.size()), depth = count * c.filters;
    memory.strips.resize(std::max<int64_t>(1, strips) * kRows);
    memory.outs.resize(kRows);
    float* copies = memory.copied.Of(strips * kRows * depth + 1);
    const float* zeros = Zeros(std::max(depth, c.filters));
    int64_t rows = 0;
    for (int64_t at = first; at < last; ++at) {
      const int64_t ix = at % wide * c.stride + place % c.stride, iy = at / wide % high * c.stride + place / c.stride,
                    sample = at / (wide * high);
      if (ix >= c.width || iy >= c.height) continue;
      const float* image = dy + sample * c.out_height * c.out_width * c.filters;
      for (int64_t strip = 0; strip < strips; ++strip) {
        const int64_t spot = strip * kRows + rows;
        memory.strips[spot] = FindStrip(image, c.out_height, c.out_width, c.filters,
                                        Divide(iy + c.top - own.rows[strip], c.stride),
                                        Divide(ix + c.left - own.columns[0], c.stride), count, zeros,
                                        copies + spot * depth);
      }
      memory.outs[rows++] = dx + ((sample * c.height + iy) * c.width + ix) * c.channels;
    }
    Product(memory, rows, strips, depth, own.panels, c.channels);
  });
}

namespace {

struct PixelsMemory {
  std::vector<const float*> pixels;  // [taps][kPixels]
  Scratch panels;                    // [filters / 16][kPixels][16]
  alignas(64) float columns[kPixels * kTogether];
};

// dw[tap][i][j] += sum over pixels of pixels[tap][pixel][i] * dy[pixel][j]. Both operands are first copied into contiguous
// memory, because pixels at power-of-two distances compete for the same few cache lines.
SELFSUP_AVX2 void AddPixels(PixelsMemory& memory, int64_t count, int64_t taps, int64_t depth, const float* dy,
                            int64_t filters, float* dw) {
  float* panels = memory.panels.Of(Panels(filters) * kPixels * kTileColumns);
  for (int64_t p = 0; p < Panels(filters); ++p) {
    const int64_t from = p * kTileColumns, columns = std::min<int64_t>(kTileColumns, filters - from);
    float* panel = panels + p * kPixels * kTileColumns;
    for (int64_t at = 0; at < count; ++at, panel += kTileColumns) {
      std::copy_n(dy + at * filters + from, columns, panel);
      std::fill_n(panel + columns, kTileColumns - columns, 0.0f);
    }
  }
  for (int64_t t = 0; t < taps; ++t)
    for (int64_t begin = 0; begin < depth; begin += kTogether) {
      const int64_t width = std::min(kTogether, depth - begin);
      for (int64_t at = 0; at < count; ++at)
        std::memcpy(memory.columns + at * width, memory.pixels[t * kPixels + at] + begin, width * sizeof(float));
      for (int64_t p = 0; p < Panels(filters); ++p) {
        const int64_t from = p * kTileColumns;
        for (int64_t k = 0; k < width; k += kTileRows) {
          const int64_t some = std::min<int64_t>(kTileRows, width - k);
          SELFSUP_WITH_ROWS(some, {
            Tile<R> tile;
            tile.Clear();
            tile.AddColumns(memory.columns + k, width, count, panels + p * kPixels * kTileColumns);
            for (int r = 0; r < R; ++r) tile.Add(r, dw + (t * depth + begin + k + r) * filters + from, filters - from);
          })
        }
      }
    }
}

}  // namespace

void ConvolveDirectFilter(const Convolution& c, const float* x, const float* dy, float* dw) {
  AddUpBlocks(c, kPixels, dw, [&](int64_t first, int64_t count, float* sums) {
    static thread_local PixelsMemory memory;
    memory.pixels.resize(c.taps() * kPixels);
    FindPixels(c, x, first, count, kPixels, memory.pixels.data());
    AddPixels(memory, count, c.taps(), c.channels, dy + first * c.filters, c.filters, sums);
  });
}

}  // namespace selfsup

#endif
