// Filter gradients with AVX512-BF16, which multiplies pairs of bfloat16 numbers: pixels are processed in pairs. oneDNN takes
// up to four times as long for the few pixels of a network's last stages.

#include "pairs.h"

#ifdef SELFSUP_BFLOAT16

namespace selfsup {
namespace {

constexpr int64_t kPixels = 256;  // pixels that a task sums at a time
constexpr int64_t kPairs = kPixels / 2;
constexpr int64_t kChannels = 16;  // channels that are packed together
constexpr int kSumRows = 8;
constexpr int64_t kSumColumns = 32;

template <typename T>
struct PairsMemory {
  std::vector<const T*> pixels;  // [taps][kPixels]
  Scratch panels;                    // [filters / 32][kPairs][32] pairs
  alignas(64) uint32_t columns[kPairs * kChannels];
};

// dw[r][j] += sum over pairs i of columns[i][r] * panel[i][j], for the first `filters` of 32 columns j.
SELFSUP_AVX512_INLINE void AddTile(const uint32_t* columns, const uint32_t* panel, int64_t pairs, float* dw, int64_t step,
                                   int64_t filters) {
  __m512 sums[kSumRows][2];
#pragma GCC unroll 8
  for (int r = 0; r < kSumRows; ++r) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  for (int64_t i = 0; i < pairs; ++i, columns += kChannels, panel += kSumColumns) {
    const auto left = (__m512bh)_mm512_load_si512(panel), right = (__m512bh)_mm512_load_si512(panel + 16);
#pragma GCC unroll 8
    for (int r = 0; r < kSumRows; ++r) {
      const auto factor = (__m512bh)_mm512_set1_epi32(static_cast<int>(columns[r]));
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], factor, left);
      sums[r][1] = _mm512_dpbf16_ps(sums[r][1], factor, right);
    }
  }
  const auto lanes = [](int64_t count) { return static_cast<__mmask16>(count >= 16 ? 0xffff : (1 << count) - 1); };
  const __mmask16 some[2] = {lanes(filters), lanes(filters > 16 ? filters - 16 : 0)};
#pragma GCC unroll 8
  for (int r = 0; r < kSumRows; ++r, dw += step) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      float* out = dw + 16 * half;
      _mm512_mask_storeu_ps(out, some[half], _mm512_add_ps(_mm512_maskz_loadu_ps(some[half], out), sums[r][half]));
    }
  }
}

// dw[tap][i][j] += sum over pixels of pixels[tap][pixel][i] * dy[pixel][j]
template <typename T>
SELFSUP_AVX512 void AddPairs(PairsMemory<T>& memory, int64_t count, int64_t taps, int64_t depth, const T* dy,
                             int64_t filters, float* dw) {
  const int64_t pairs = (count + 1) / 2, wide = (filters + kSumColumns - 1) / kSumColumns;
  auto* panels = reinterpret_cast<uint32_t*>(memory.panels.Of(wide * kPairs * kSumColumns));
  const T* zeros = Zeros<T>(std::max(depth, filters));
  for (int64_t j = 0; j < wide * kSumColumns; j += 16) {
    const int64_t left = filters - j;
    const auto some = static_cast<__mmask16>(left >= 16 ? 0xffff : left > 0 ? (1 << left) - 1 : 0);
    uint32_t* panel = panels + j / kSumColumns * kPairs * kSumColumns + j % kSumColumns;
    for (int64_t i = 0; i < pairs; ++i) {
      const T* first = dy + 2 * i * filters;
      const T* second = 2 * i + 1 < count ? first + filters : zeros;
      _mm512_store_si512(panel + i * kSumColumns, Pairs(first + j, second + j, some));
    }
  }
  for (int64_t t = 0; t < taps; ++t) {
    const T* const* pixels = memory.pixels.data() + t * kPixels;
    for (int64_t k = 0; k < depth; k += kChannels) {
      for (int64_t i = 0; i < pairs; ++i) {
        const T* second = 2 * i + 1 < count ? pixels[2 * i + 1] : zeros;
        _mm512_store_si512(memory.columns + i * kChannels, Pairs(pixels[2 * i] + k, second + k, 0xffff));
      }
      for (int64_t j = 0; j < filters; j += kSumColumns)
        for (int64_t r = 0; r < kChannels; r += kSumRows)
          AddTile(memory.columns + r, panels + j * kPairs, pairs, dw + (t * depth + k + r) * filters + j, filters,
                  filters - j);
    }
  }
}

template <typename T>
void Gradient(const Convolution& c, const T* x, const T* dy, float* dw) {
  AddUpBlocks(c, kPixels, dw, [&](int64_t first, int64_t count, float* sums) {
    static thread_local PairsMemory<T> memory;
    memory.pixels.resize(c.taps() * kPixels);
    Zeros<T>(std::max(c.channels, c.filters));  // allocates enough, so that later calls do not move the zeros
    FindPixels(c, x, first, count, kPixels, memory.pixels.data());
    AddPairs(memory, count, c.taps(), c.channels, dy + first * c.filters, c.filters, sums);
  });
}

}  // namespace

void ConvolveDirectFilterBfloat16(const Convolution& c, const float* x, const float* dy, float* dw) {
  Gradient(c, x, dy, dw);
}
void ConvolveDirectFilterBfloat16(const Convolution& c, const Bfloat16* x, const Bfloat16* dy, float* dw) {
  Gradient(c, x, dy, dw);
}

}  // namespace selfsup

#endif
