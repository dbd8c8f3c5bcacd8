// Convolutions of pictures [batch, height, width, channels] with filters [rows, columns, channels, filters], and their
// gradients, in float32. Written for processors with AVX2 and no AVX-512, where oneDNN leaves half of the arithmetic unused.
#pragma once

#include "tile.h"

#ifdef SELFSUP_CONVOLUTIONS

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "parallel.h"

namespace selfsup {

struct Convolution {
  int64_t batch, height, width, channels;      // what goes in
  int64_t out_height, out_width, filters;      // what comes out
  int64_t kernel_height, kernel_width, stride;
  int64_t top, left;                           // rows and columns of zeros before the first

  int64_t taps() const { return kernel_height * kernel_width; }
  int64_t out_pixels() const { return batch * out_height * out_width; }
};

// A buffer that keeps its memory from call to call, and never fills it.
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

// As many zeros as any picture has channels.
inline const float* Zeros(int64_t channels) {
  static thread_local std::vector<float> zeros;
  if (static_cast<int64_t>(zeros.size()) < channels) zeros.assign(channels, 0.0f);
  return zeros.data();
}

inline int64_t Panels(int64_t columns) { return (columns + kTileColumns - 1) / kTileColumns; }

// [depth, columns] as panels [columns / 16][depth][16], zeros where columns end.
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

// Each function's result fills y, dx or dw entirely.
void ConvolveDirect(const Convolution& c, const float* x, const float* w, float* y);
void ConvolveDirectInput(const Convolution& c, const float* dy, const float* w, float* dx);
void ConvolveDirectFilter(const Convolution& c, const float* x, const float* dy, float* dw);

// Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray 2016, arXiv:1509.09308): 4 times fewer multiplications for
// 3x3 filters in steps of one pixel. Channels and filters are multiples of 16.
bool SuitsWinograd(const Convolution& c);
void ConvolveWinograd(const Convolution& c, const float* x, const float* w, float* y);
void ConvolveWinogradInput(const Convolution& c, const float* dy, const float* w, float* dx);
void ConvolveWinogradFilter(const Convolution& c, const float* x, const float* dy, float* dw);

}  // namespace selfsup

#endif
