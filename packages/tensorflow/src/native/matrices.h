// AMX: registers of 16 rows of 64 bytes, and an instruction that multiplies two of them: 16 x 32 bfloat16 numbers with
// 32 x 16, added to 16 x 16 float32 numbers.
#pragma once

#include "pairs.h"

#ifdef SELFSUP_MATRICES

namespace selfsup {

#define SELFSUP_AMX __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16,amx-tile,amx-bf16")))

constexpr int64_t kSide = 16;
constexpr int64_t kTile = kSide * kSide;

// GCC's intrinsics do not tell the compiler which memory they read and write.
inline void Fence() { asm volatile("" ::: "memory"); }

// Sets the registers' shapes in this thread, and restores at the end those that oneDNN may have set.
class Registers {
 public:
  SELFSUP_AMX Registers() {
    Fence();
    _tile_storeconfig(&earlier_);
    Fence();
    Shapes shapes;
    shapes.palette = 1;
    for (int i = 0; i < 8; ++i) {
      shapes.bytes[i] = 4 * kSide;
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
  Registers(const Registers&) = delete;

 private:
  // As the processor reads them.
  struct alignas(64) Shapes {
    uint8_t palette = 0, start = 0, unused[14] = {};
    uint16_t bytes[16] = {};
    uint8_t rows[16] = {};
  };
  Shapes earlier_;
};

// Two operands of a product, as registers one after the other: rows [16][16 pairs] and columns [16 pairs][16]. The second
// registers, of the next 16 rows and columns, are `next_rows` and `next_columns` further.
struct Operands {
  const uint32_t* rows;
  const uint32_t* columns;
  int64_t next_rows, next_columns;
};

// Adds the sum of `count` products of registers to R x C registers of sums, which are `row` and `column` apart.
template <int R, int C>
SELFSUP_AMX void AddProducts(Operands of, int64_t count, float* sums, int64_t row, int64_t column) {
  constexpr int64_t kBytes = 4 * kSide;
  Fence();
  _tile_loadd(0, sums, kBytes);
  if constexpr (C > 1) _tile_loadd(1, sums + column, kBytes);
  if constexpr (R > 1) _tile_loadd(2, sums + row, kBytes);
  if constexpr (R > 1 && C > 1) _tile_loadd(3, sums + row + column, kBytes);
  for (int64_t i = 0; i < count; ++i, of.rows += kTile, of.columns += kTile) {
    _tile_loadd(4, of.rows, kBytes);
    _tile_loadd(6, of.columns, kBytes);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (C > 1) {
      _tile_loadd(7, of.columns + of.next_columns, kBytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (R > 1) {
      _tile_loadd(5, of.rows + of.next_rows, kBytes);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (C > 1) _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, sums, kBytes);
  if constexpr (C > 1) _tile_stored(1, sums + column, kBytes);
  if constexpr (R > 1) _tile_stored(2, sums + row, kBytes);
  if constexpr (R > 1 && C > 1) _tile_stored(3, sums + row + column, kBytes);
  Fence();
}

// The same for up to two registers of rows and of columns.
inline void AddProducts(int64_t rows, int64_t columns, const Operands& of, int64_t count, float* sums, int64_t row,
                        int64_t column) {
  const auto add = rows > 1 ? (columns > 1 ? AddProducts<2, 2> : AddProducts<2, 1>)
                            : (columns > 1 ? AddProducts<1, 2> : AddProducts<1, 1>);
  add(of, count, sums, row, column);
}

}  // namespace selfsup

#endif
