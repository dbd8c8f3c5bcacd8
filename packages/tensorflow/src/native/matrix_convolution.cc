// Filter gradients with AMX, whose instructions multiply matrices of 16 x 32 bfloat16 numbers. For the few pixels of a network's
// last stages, oneDNN takes several times as long.

#include "pairs.h"

#ifdef SELFSUP_MATRICES

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace selfsup {
namespace {

#define SELFSUP_AMX __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16,amx-tile,amx-bf16")))

constexpr int64_t kSide = 16;                    // a register has 16 rows of 16 float32 numbers, or of 16 pairs of bfloat16 numbers
constexpr int64_t kTile = kSide * kSide;
constexpr int64_t kPixels = 512;                 // pixels that a task sums at a time
constexpr int64_t kGroups = kPixels / 2 / kSide; // of 16 pairs of pixels, which an instruction multiplies

// The registers' shapes, as the processor reads them.
struct alignas(64) Shapes {
  uint8_t palette = 0, start = 0, unused[14] = {};
  uint16_t bytes[16] = {};
  uint8_t rows[16] = {};
};

// GCC's intrinsics do not tell the compiler which memory they read and write.
inline void Fence() { asm volatile("" ::: "memory"); }

// Sets the registers' shapes in this thread, and restores at the end those that oneDNN may have set.
class Registers {
 public:
  SELFSUP_AMX Registers() {
    _tile_storeconfig(&earlier_);
    Fence();
    Shapes shapes;
    shapes.palette = 1;
    for (int i = 0; i < 8; ++i) {
      shapes.bytes[i] = 64;
      shapes.rows[i] = kSide;
    }
    Fence();
    _tile_loadconfig(&shapes);
  }
  SELFSUP_AMX ~Registers() {
    Fence();
    if (earlier_.palette == 0) {
      _tile_release();
    } else {
      _tile_loadconfig(&earlier_);
    }
  }

 private:
  Shapes earlier_;
};

template <typename T>
struct BlockMemory {
  std::vector<const T*> pixels;                        // [taps][kPixels]
  Scratch gradients;                                   // [filters / 16][kGroups][16 filters][16 pairs]
  alignas(64) uint32_t columns[2][kPixels / 2][kSide]; // pairs of pixels, 16 channels each
};

// dw[f][c] += gradients[f][group] * columns[c][group] for F x C registers, `step` between the sums of two f.
template <int F, int C>
SELFSUP_AMX void AddTiles(const uint32_t* gradients, const uint32_t* columns, int64_t groups, float* dw, int64_t c_step) {
  constexpr int64_t kRow = 64, kOther = kGroups * kTile, kOtherColumns = kPixels / 2 * kSide;
  Fence();
  _tile_loadd(0, dw, kRow);
  if constexpr (C > 1) _tile_loadd(1, dw + c_step, kRow);
  if constexpr (F > 1) _tile_loadd(2, dw + kTile, kRow);
  if constexpr (F > 1 && C > 1) _tile_loadd(3, dw + c_step + kTile, kRow);
  for (int64_t g = 0; g < groups; ++g, gradients += kTile, columns += kTile) {
    _tile_loadd(4, gradients, kRow);
    _tile_loadd(6, columns, kRow);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (C > 1) {
      _tile_loadd(7, columns + kOtherColumns, kRow);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (F > 1) {
      _tile_loadd(5, gradients + kOther, kRow);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (C > 1) _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, dw, kRow);
  if constexpr (C > 1) _tile_stored(1, dw + c_step, kRow);
  if constexpr (F > 1) _tile_stored(2, dw + kTile, kRow);
  if constexpr (F > 1 && C > 1) _tile_stored(3, dw + c_step + kTile, kRow);
  Fence();
}

// Pairs of the pixels' numbers in [16 pairs][16 channels]. Pixels from `count` on are zeros.
template <typename T>
SELFSUP_AMX void PackGroup(const T* const* pixels, int64_t count, const T* zeros, int64_t channel, uint32_t* to) {
  for (int64_t i = 0; i < kSide; ++i) {
    const T* first = 2 * i < count ? pixels[2 * i] : zeros;
    const T* second = 2 * i + 1 < count ? pixels[2 * i + 1] : zeros;
    _mm512_store_si512(to + i * kSide, Pairs(first + channel, second + channel, 0xffff));
  }
}

// The same of 32 channels, in two registers' columns. The channels are in the order of the fastest instructions: see Channel.
SELFSUP_AMX void PackTwoGroups(const Bfloat16* const* pixels, int64_t count, const Bfloat16* zeros, int64_t channel,
                               uint32_t* to, uint32_t* other) {
  for (int64_t i = 0; i < kSide; ++i, to += kSide, other += kSide) {
    const __m512i first = _mm512_loadu_si512((2 * i < count ? pixels[2 * i] : zeros) + channel);
    const __m512i second = _mm512_loadu_si512((2 * i + 1 < count ? pixels[2 * i + 1] : zeros) + channel);
    _mm512_store_si512(to, _mm512_unpacklo_epi16(first, second));
    _mm512_store_si512(other, _mm512_unpackhi_epi16(first, second));
  }
}
SELFSUP_AMX void PackTwoGroups(const float* const* pixels, int64_t count, const float* zeros, int64_t channel, uint32_t* to,
                               uint32_t* other) {
  PackGroup(pixels, count, zeros, channel, to);
  PackGroup(pixels, count, zeros, channel + kSide, other);
}

// The channel, within 32, in column `column` of the first register. The other's are `OtherChannel` further.
template <typename T>
constexpr int64_t Channel(int64_t column) { return sizeof(T) == 2 ? column / 4 * 8 + column % 4 : column; }
template <typename T>
constexpr int64_t OtherChannel() { return sizeof(T) == 2 ? 4 : kSide; }

// Adds a block of pixels to dw[tap][channels / 16][filters / 16][16 filters][16 channels].
template <typename T>
SELFSUP_AMX void AddBlock(BlockMemory<T>& memory, int64_t count, int64_t taps, int64_t depth, const T* dy, int64_t filters,
                          float* dw) {
  const int64_t groups = (count + 2 * kSide - 1) / (2 * kSide);
  auto* gradients = reinterpret_cast<uint32_t*>(memory.gradients.Of(filters * kGroups * kSide));
  const T* zeros = Zeros<T>(std::max(depth, filters));
  const T* pixels[2 * kSide];
  alignas(64) uint32_t pairs[kTile];
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t from = 2 * g * kSide, some = std::min(2 * kSide, count - from);
    for (int64_t i = 0; i < some; ++i) pixels[i] = dy + (from + i) * filters;
    for (int64_t f = 0; f < filters; f += kSide) {
      PackGroup(pixels, some, zeros, f, pairs);
      TransposeTile(pairs, kSide, gradients + (f * kGroups + g * kSide) * kSide, kSide);
    }
  }
  const int64_t c_step = filters * kSide, f_step = kGroups * kTile;
  for (int64_t t = 0; t < taps; ++t) {
    const T* const* under = memory.pixels.data() + t * kPixels;
    for (int64_t c = 0; c < depth; c += 2 * kSide) {
      const bool two = c + kSide < depth;
      for (int64_t g = 0; g < groups; ++g) {
        const int64_t from = 2 * g * kSide;
        if (two) {
          PackTwoGroups(under + from, count - from, zeros, c, memory.columns[0][g * kSide], memory.columns[1][g * kSide]);
        } else {
          PackGroup(under + from, count - from, zeros, c, memory.columns[0][g * kSide]);
        }
      }
      float* sums = dw + (t * depth + c) * filters;
      const uint32_t* columns = memory.columns[0][0];
      for (int64_t f = 0; f < filters / kSide; f += 2, sums += 2 * kTile) {
        const uint32_t* rows = gradients + f * f_step;
        if (f + 1 < filters / kSide) {
          (two ? AddTiles<2, 2> : AddTiles<2, 1>)(rows, columns, groups, sums, c_step);
        } else {
          (two ? AddTiles<1, 2> : AddTiles<1, 1>)(rows, columns, groups, sums, c_step);
        }
      }
    }
  }
}

// Writes the sums of one tap as [channels][filters].
template <typename T>
SELFSUP_AVX512 void Untile(const float* tiles, int64_t depth, int64_t filters, float* dw) {
  alignas(64) uint32_t turned[kTile];
  for (int64_t c = 0; c < depth; c += kSide) {
    const bool other = c / kSide % 2 == 1, two = other || c + kSide < depth;
    float* to = dw + (other ? c - kSide + OtherChannel<T>() : c) * filters;
    for (int64_t f = 0; f < filters; f += kSide, tiles += kTile) {
      TransposeTile(reinterpret_cast<const uint32_t*>(tiles), kSide, turned, kSide);
      for (int64_t i = 0; i < kSide; ++i)
        std::memcpy(to + (two ? Channel<T>(i) : i) * filters + f, turned + i * kSide, kSide * sizeof(float));
    }
  }
}

template <typename T>
void Gradient(const Convolution& c, const T* x, const T* dy, float* dw) {
  static thread_local Scratch tiled;
  float* tiles = tiled.Of(c.taps() * c.channels * c.filters);
  AddUpBlocks(c, kPixels, tiles, [&](int64_t first, int64_t count, float* sums) {
    static thread_local BlockMemory<T> memory;
    const Registers registers;
    memory.pixels.resize(c.taps() * kPixels);
    Zeros<T>(std::max(c.channels, c.filters));  // allocates enough, so that later calls do not move the zeros
    FindPixels(c, x, first, count, kPixels, memory.pixels.data());
    AddBlock(memory, count, c.taps(), c.channels, dy + first * c.filters, c.filters, sums);
  });
  const int64_t size = c.channels * c.filters;
  Workers::Get().Each(c.taps(), [&](int64_t t) { Untile<T>(tiles + t * size, c.channels, c.filters, dw + t * size); });
}

}  // namespace

bool HasMatrices() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // Linux saves the registers of threads that asked for them
  static const bool has = [] {
    unsigned rest, matrices = 0;
    if (!__get_cpuid_count(7, 0, &rest, &rest, &rest, &matrices)) return false;
    if (!(matrices & 1u << 22) || !(matrices & 1u << 24)) return false;  // AMX-BF16 and AMX-TILE
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return has;
}

void ConvolveMatrixFilter(const Convolution& c, const float* x, const float* dy, float* dw) { Gradient(c, x, dy, dw); }
void ConvolveMatrixFilter(const Convolution& c, const Bfloat16* x, const Bfloat16* dy, float* dw) { Gradient(c, x, dy, dw); }

}  // namespace selfsup

#endif
