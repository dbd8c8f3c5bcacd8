// Convolutions and their gradients with AMX, for the few pixels of a network's last stages, where oneDNN takes several times
// as long.

#include "matrices.h"

#ifdef SELFSUP_MATRICES

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace selfsup {
namespace {

constexpr int64_t kPixels = 512;                  // pixels that a task sums at a time
constexpr int64_t kGroups = kPixels / 2 / kSide;  // of 16 pairs of pixels, which an instruction multiplies

template <typename T>
struct BlockMemory {
  std::vector<const T*> pixels;                         // [taps][kPixels]
  Scratch gradients;                                    // [filters / 16][kGroups][16 filters][16 pairs]
  alignas(64) uint32_t columns[2][kPixels / 2][kSide];  // pairs of pixels, 16 channels each
};

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
      for (int64_t f = 0; f < filters / kSide; f += 2, sums += 2 * kTile)
        AddProducts(filters / kSide - f, two ? 2 : 1, {gradients + f * f_step, columns, f_step, kPixels / 2 * kSide}, groups,
                    sums, kTile, c_step);
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

// Products of pixels and filters: results of a convolution, or gradients of its input. A register of rows has 32 channels of
// 16 pixels.

constexpr int64_t kMostResults = 512;  // results that a task computes at a time
constexpr int64_t kParts = 16;         // registers of channels that are multiplied at a time: with two of columns, 32 KB

struct ProductMemory {
  std::vector<const Bfloat16*> pixels;  // [taps][kMostResults]
  std::vector<Bfloat16*> results;
  Scratch rows;  // [results / 16][kParts][16 results][16 pairs]
  Scratch sums;  // [results / 16][columns / 16][16 results][16 columns]
};

constexpr int64_t Parts(int64_t depth) { return (depth + 2 * kSide - 1) / (2 * kSide); }

// Copies 32 channels of 16 pixels to a register. Channels from `some` on are zeros.
SELFSUP_AVX512 void CopyPixels(const Bfloat16* const* pixels, int64_t channel, int64_t some, uint32_t* to) {
  const __mmask32 lanes = some >= 32 ? 0xffffffff : (1u << some) - 1;
  for (int64_t i = 0; i < kSide; ++i)
    _mm512_store_si512(to + i * kSide, _mm512_maskz_loadu_epi16(lanes, pixels[i] + channel));
}

// Rounds the sums to bfloat16 and writes them to the results.
SELFSUP_AVX512 void PutResults(const float* sums, int64_t count, int64_t columns, Bfloat16* const* results) {
  for (int64_t i = 0; i < count; ++i) {
    const float* from = sums + i / kSide * kSide * columns + i % kSide * kSide;
    for (int64_t j = 0; j < columns; j += kSide)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(results[i] + j),
                          (__m256i)_mm512_cvtneps_pbh(_mm512_load_ps(from + j * kSide)));
  }
}

// For `count` results: results[i][j] = sum over taps and k of pixels[tap][i][k] * filters[tap][k][j].
// filters: [columns / 16][taps][Parts(depth)][16 pairs][16 columns]
void Multiply(ProductMemory& memory, int64_t count, int64_t taps, int64_t depth, const uint32_t* filters, int64_t columns) {
  const int64_t groups = (count + kSide - 1) / kSide, wide = columns / kSide, parts = Parts(depth), all = taps * parts;
  float* sums = memory.sums.Of(groups * kSide * columns);
  std::memset(sums, 0, groups * kSide * columns * sizeof(float));
  const Bfloat16* zeros = Zeros<Bfloat16>(depth);
  for (int64_t t = 0; t < taps; ++t) std::fill_n(memory.pixels.data() + t * kMostResults + count, groups * kSide - count, zeros);
  auto* rows = reinterpret_cast<uint32_t*>(memory.rows.Of(groups * kParts * kTile));
  for (int64_t from = 0; from < all; from += kParts) {
    const int64_t some = std::min(kParts, all - from);
    for (int64_t part = 0; part < some; ++part) {
      const int64_t t = (from + part) / parts, channel = (from + part) % parts * 2 * kSide;
      for (int64_t g = 0; g < groups; ++g)
        CopyPixels(&memory.pixels[t * kMostResults + g * kSide], channel, depth - channel, rows + (g * kParts + part) * kTile);
    }
    for (int64_t j = 0; j < wide; j += 2)
      for (int64_t g = 0; g < groups; g += 2)
        AddProducts(groups - g, wide - j,
                    {rows + g * kParts * kTile, filters + (j * all + from) * kTile, kParts * kTile, all * kTile}, some,
                    sums + (g * wide + j) * kTile, wide * kTile, kTile);
  }
  PutResults(sums, count, columns, memory.results.data());
}

// Results that a task computes at a time: fewer if there would be too few tasks.
int64_t ResultsOfTask(int64_t all) {
  const int64_t each = all / (4 * Workers::Get().threads());
  return std::clamp(each / (2 * kSide) * 2 * kSide, 4 * kSide, kMostResults);
}

// Packs w[channels][filters] of a tap for results: pairs of channels, columns of filters.
SELFSUP_AVX512 void PackFilters(const Bfloat16* w, int64_t channels, int64_t filters, uint32_t* to, int64_t step) {
  const Bfloat16* zeros = Zeros<Bfloat16>(filters);
  for (int64_t f = 0; f < filters; f += kSide, to += step)
    for (int64_t i = 0; i < Parts(channels) * kSide; ++i) {
      const Bfloat16* first = 2 * i < channels ? w + 2 * i * filters : zeros;
      const Bfloat16* second = 2 * i < channels ? first + filters : zeros;
      _mm512_store_si512(to + i * kSide, Pairs(first + f, second + f, 0xffff));
    }
}

// Packs w[channels][filters] of a tap for gradients of the input: pairs of filters, columns of channels.
SELFSUP_AVX512 void PackTurnedFilters(const Bfloat16* w, int64_t channels, int64_t filters, uint32_t* to, int64_t step) {
  alignas(64) uint32_t tile[kTile];
  for (int64_t c = 0; c < channels; c += kSide, to += step)
    for (int64_t f = 0; f < filters; f += 2 * kSide) {
      const int64_t some = filters - f;
      const __mmask32 lanes = some >= 32 ? 0xffffffff : (1u << some) - 1;
      for (int64_t i = 0; i < kSide; ++i)
        _mm512_store_si512(tile + i * kSide, _mm512_maskz_loadu_epi16(lanes, w + (c + i) * filters + f));
      TransposeTile(tile, kSide, to + f / 2 * kSide, kSide);
    }
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

void ConvolveMatrix(const Convolution& c, const Bfloat16* x, const Bfloat16* w, Bfloat16* y) {
  static thread_local Scratch packed;
  const int64_t each = Parts(c.channels) * kTile, step = c.taps() * each, all = c.out_pixels();
  auto* filters = reinterpret_cast<uint32_t*>(packed.Of(c.filters / kSide * step));
  Workers::Get().Each(c.taps(), [&](int64_t t) {
    PackFilters(w + t * c.channels * c.filters, c.channels, c.filters, filters + t * each, step);
  });
  const int64_t size = ResultsOfTask(all);
  Workers::Get().Each((all + size - 1) / size, [&](int64_t task) {
    static thread_local ProductMemory memory;
    const Registers registers;
    const int64_t first = task * size, count = std::min(size, all - first);
    memory.pixels.resize(c.taps() * kMostResults);
    memory.results.resize(kMostResults);
    FindPixels(c, x, first, count, kMostResults, memory.pixels.data());
    for (int64_t i = 0; i < count; ++i) memory.results[i] = y + (first + i) * c.filters;
    Multiply(memory, count, c.taps(), c.channels, filters, c.filters);
  });
}

void ConvolveMatrixInput(const Convolution& c, const Bfloat16* dy, const Bfloat16* w, Bfloat16* dx) {
  // Pixels that the same filter positions reach form a class: one class per place within a stride.
  struct Class {
    std::vector<int64_t> rows, columns;
    int64_t high, wide, first;  // number of pixels on each axis; the first task
    const uint32_t* filters;
  };
  static thread_local Scratch packed;
  const int64_t each = Parts(c.filters) * kTile, groups = c.channels / kSide;
  auto* next = reinterpret_cast<uint32_t*>(packed.Of(groups * c.taps() * each));
  const int64_t size = ResultsOfTask(c.batch * c.height * c.width / (c.stride * c.stride));
  std::vector<Class> classes;
  struct Turned {
    const Bfloat16* from;
    uint32_t* to;
    int64_t step;
  };
  std::vector<Turned> turned;
  int64_t tasks = 0;
  for (int64_t place = 0; place < c.stride * c.stride; ++place) {
    const int64_t down = place / c.stride, right = place % c.stride;
    Class own{Reaching(down, c.top, c.kernel_height, c.stride), Reaching(right, c.left, c.kernel_width, c.stride),
              (c.height - down + c.stride - 1) / c.stride, (c.width - right + c.stride - 1) / c.stride, tasks, next};
    const int64_t taps = static_cast<int64_t>(own.rows.size() * own.columns.size());
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t columns = static_cast<int64_t>(own.columns.size());
      const int64_t tap = own.rows[t / columns] * c.kernel_width + own.columns[t % columns];
      turned.push_back({w + tap * c.channels * c.filters, next + t * each, taps * each});
    }
    next += groups * taps * each;
    tasks += (c.batch * own.high * own.wide + size - 1) / size;
    classes.push_back(std::move(own));
  }
  Workers::Get().Each(static_cast<int64_t>(turned.size()), [&](int64_t i) {
    PackTurnedFilters(turned[i].from, c.channels, c.filters, turned[i].to, turned[i].step);
  });
  Workers::Get().Each(tasks, [&](int64_t task) {
    static thread_local ProductMemory memory;
    const Registers registers;
    size_t place = classes.size() - 1;
    while (classes[place].first > task) --place;
    const Class& own = classes[place];
    const int64_t first = (task - own.first) * size, count = std::min(size, c.batch * own.high * own.wide - first);
    memory.pixels.resize(c.taps() * kMostResults);
    memory.results.resize(kMostResults);
    const Bfloat16* zeros = Zeros<Bfloat16>(c.filters);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = first + i, ix = at % own.wide * c.stride + static_cast<int64_t>(place) % c.stride,
                    iy = at / own.wide % own.high * c.stride + static_cast<int64_t>(place) / c.stride,
                    sample = at / (own.wide * own.high);
      const Bfloat16* image = dy + sample * c.out_height * c.out_width * c.filters;
      size_t t = 0;
      for (int64_t ky : own.rows)
        for (int64_t kx : own.columns) {
          const int64_t y = Divide(iy + c.top - ky, c.stride), x = Divide(ix + c.left - kx, c.stride);
          const bool inside = y >= 0 && y < c.out_height && x >= 0 && x < c.out_width;
          memory.pixels[t++ * kMostResults + i] = inside ? image + (y * c.out_width + x) * c.filters : zeros;
        }
      memory.results[i] = dx + ((sample * c.height + iy) * c.width + ix) * c.channels;
    }
    Multiply(memory, count, static_cast<int64_t>(own.rows.size() * own.columns.size()), c.filters, own.filters, c.channels);
  });
}

}  // namespace selfsup

#endif
