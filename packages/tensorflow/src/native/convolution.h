// Convolutions of images [batch, height, width, channels] with filters [rows, columns, channels, filters], and their
// gradients: in float32 for processors with AVX2, in bfloat16 for processors with AMX; the filter gradient also from bfloat16
// with AVX512-BF16. own-operations.ts chooses where they replace TensorFlow's.
#pragma once

#include "tile.h"

#ifdef SELFSUP_CONVOLUTIONS

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bfloat16.h"
#include "parallel.h"

namespace selfsup {

struct Convolution {
  int64_t batch, height, width, channels;      // input
  int64_t out_height, out_width, filters;      // output
  int64_t kernel_height, kernel_width, stride;
  int64_t top, left;                           // padding: rows of zeros above, columns of zeros on the left

  int64_t taps() const { return kernel_height * kernel_width; }
  int64_t out_pixels() const { return batch * out_height * out_width; }
};

// An uninitialized buffer that keeps its memory between calls.
class Scratch {
 public:
  ~Scratch() { std::free(memory_); }
  float* Of(int64_t floats) {
    if (floats > floats_) {
      std::free(memory_);
      memory_ = static_cast<float*>(std::aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64));
      floats_ = memory_ ? floats : 0;
    }
    return memory_;
  }

 private:
  float* memory_ = nullptr;
  int64_t floats_ = 0;
};

// At least `channels` zeros.
template <typename T = float>
const T* Zeros(int64_t channels) {
  static thread_local std::vector<T> zeros;
  if (static_cast<int64_t>(zeros.size()) < channels) zeros.assign(channels, T{});
  return zeros.data();
}

inline int64_t Panels(int64_t columns) { return (columns + kTileColumns - 1) / kTileColumns; }

// Packs [depth, columns] into panels [columns / 16][depth][16]. The last panel is padded with zeros.
inline void PackPanels(const float* matrix, int64_t depth, int64_t columns, float* panels) {
  for (int64_t p = 0; p < Panels(columns); ++p) {
    const int64_t from = p * kTileColumns, some = std::min<int64_t>(kTileColumns, columns - from);
    for (int64_t k = 0; k < depth; ++k, panels += kTileColumns) {
      std::copy_n(matrix + k * columns + from, some, panels);
      std::fill_n(panels + some, kTileColumns - some, 0.0f);
    }
  }
}

// [rows, columns] to [columns, rows]
inline void Transpose(const float* from, int64_t rows, int64_t columns, float* to) {
  constexpr int64_t kBlock = 16;
  for (int64_t r = 0; r < rows; r += kBlock)
    for (int64_t c = 0; c < columns; c += kBlock)
      for (int64_t i = r; i < std::min(rows, r + kBlock); ++i)
        for (int64_t j = c; j < std::min(columns, c + kBlock); ++j) to[j * rows + i] = from[i * columns + j];
}

// Returns a pointer to `count` adjacent pixels of an image row. If they cross the image's edge, returns a copy with zeros
// outside.
template <typename T>
const T* FindStrip(const T* image, int64_t height, int64_t width, int64_t channels, int64_t y, int64_t x, int64_t count,
                   const T* zeros, T* copy) {
  if (y < 0 || y >= height) return zeros;
  const T* row = image + y * width * channels;
  if (x >= 0 && x + count <= width) return row + x * channels;
  if (x >= width || x + count <= 0) return zeros;
  for (int64_t i = 0; i < count; ++i, copy += channels)
    std::memcpy(copy, x + i >= 0 && x + i < width ? row + (x + i) * channels : zeros, channels * sizeof(T));
  return copy - count * channels;
}

// Finds the pixels under each tap of a filter for results first .. first + count, as [taps][step]; zeros outside the image.
template <typename T>
void FindPixels(const Convolution& c, const T* x, int64_t first, int64_t count, int64_t step, const T** pixels) {
  const T* zeros = Zeros<T>(c.channels);
  for (int64_t row = 0; row < count; ++row) {
    const int64_t at = first + row, ox = at % c.out_width, oy = at / c.out_width % c.out_height,
                  sample = at / (c.out_width * c.out_height);
    const T* image = x + sample * c.height * c.width * c.channels;
    for (int64_t ky = 0, t = 0; ky < c.kernel_height; ++ky)
      for (int64_t kx = 0; kx < c.kernel_width; ++kx, ++t)
        pixels[t * step + row] = FindStrip(image, c.height, c.width, c.channels, oy * c.stride + ky - c.top,
                                           ox * c.stride + kx - c.left, 1, zeros, static_cast<T*>(nullptr));
  }
}

// Filter positions, along one axis, that reach pixels at `place` within a stride. They are in descending order, which is
// the ascending order of the results that they belong to.
inline std::vector<int64_t> Reaching(int64_t place, int64_t before, int64_t kernel, int64_t stride) {
  std::vector<int64_t> reaching;
  for (int64_t k = kernel - 1; k >= 0; --k)
    if ((place + before - k) % stride == 0) reaching.push_back(k);
  return reaching;
}

// Division that rounds down, also for negative numbers.
inline int64_t Divide(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

// Sums a filter's gradient over blocks of results: add(first, count, sums) adds one block. Fixed shares of the blocks are
// summed separately and then added in order, so that the result does not depend on the timing of threads. There are more
// shares than threads, because a thread may be delayed, but few enough that adding them takes little time and memory.
template <typename Add>
void AddUpBlocks(const Convolution& c, int64_t block, float* dw, const Add& add) {
  constexpr int64_t kMostSums = int64_t{1} << 26;
  const int64_t size = c.taps() * c.channels * c.filters, all = c.out_pixels(), blocks = (all + block - 1) / block;
  const int64_t threads = Workers::Get().threads(), wanted = std::max(threads, std::min(4 * threads, blocks / 4));
  const int64_t shares =
      threads == 1 ? 1 : std::max<int64_t>(1, std::min({blocks, wanted, std::max<int64_t>(2, kMostSums / size)}));
  static thread_local Scratch sums;
  float* others = sums.Of(std::max<int64_t>(1, shares - 1) * size);
  Workers::Get().Each(shares, [&](int64_t share) {
    float* own = share == 0 ? dw : others + (share - 1) * size;
    std::memset(own, 0, size * sizeof(float));
    for (int64_t i = blocks * share / shares; i < blocks * (share + 1) / shares; ++i)
      add(i * block, std::min(block, all - i * block), own);
  });
  constexpr int64_t kPart = 1 << 14;
  Workers::Get().Each(shares > 1 ? (size + kPart - 1) / kPart : 0, [&](int64_t part) {
    const int64_t from = part * kPart, to = std::min(size, from + kPart);
    for (int64_t share = 1; share < shares; ++share) {
      const float* other = others + (share - 1) * size;
      for (int64_t i = from; i < to; ++i) dw[i] += other[i];
    }
  });
}

// These functions overwrite all of y, dx or dw.
void ConvolveDirect(const Convolution& c, const float* x, const float* w, float* y);
void ConvolveDirectInput(const Convolution& c, const float* dy, const float* w, float* dx);
void ConvolveDirectFilter(const Convolution& c, const float* x, const float* dy, float* dw);

// The filter gradient from bfloat16 operands (float32 operands are rounded), summed in float32. Needs AVX512-BF16.
// The number of channels must be a multiple of 16.
void ConvolveDirectFilterBfloat16(const Convolution& c, const float* x, const float* dy, float* dw);
void ConvolveDirectFilterBfloat16(const Convolution& c, const Bfloat16* x, const Bfloat16* dy, float* dw);

// The same, and the convolution and the gradient of its input, with AMX. The numbers of channels and filters must be multiples
// of 16. HasMatrices asks the system for the registers.
bool HasMatrices();
void ConvolveMatrix(const Convolution& c, const Bfloat16* x, const Bfloat16* w, Bfloat16* y);
void ConvolveMatrixInput(const Convolution& c, const Bfloat16* dy, const Bfloat16* w, Bfloat16* dx);
void ConvolveMatrixFilter(const Convolution& c, const float* x, const float* dy, float* dw);
void ConvolveMatrixFilter(const Convolution& c, const Bfloat16* x, const Bfloat16* dy, float* dw);

// Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray 2016, arXiv:1509.09308): a quarter of the multiplications for
// 3x3 filters with stride 1. Numbers of channels and filters must be multiples of 16.
bool SuitsWinograd(const Convolution& c);
void ConvolveWinograd(const Convolution& c, const float* x, const float* w, float* y);
void ConvolveWinogradInput(const Convolution& c, const float* dy, const float* w, float* dx);
void ConvolveWinogradFilter(const Convolution& c, const float* x, const float* dy, float* dw);

}  // namespace selfsup

#endif
