// The innermost loops of convolutions: a tile of a matrix product with 6 x 16 sums that stay in registers (AVX2 and FMA: 12
// of 16 registers).
#pragma once

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define SELFSUP_CONVOLUTIONS 1
#if (defined(__clang__) && __clang_major__ >= 9) || (!defined(__clang__) && __GNUC__ >= 10)
#define SELFSUP_BFLOAT16 1
#endif
// SELFSUP_NO_MATRICES: for assemblers that do not know the instructions.
#if defined(__linux__) && !defined(SELFSUP_NO_MATRICES) && \
    ((defined(__clang__) && __clang_major__ >= 12) || (!defined(__clang__) && __GNUC__ >= 11))
#define SELFSUP_MATRICES 1
#endif

#include <immintrin.h>

#include <cstdint>

#define SELFSUP_AVX2 __attribute__((target("avx2,fma")))
#define SELFSUP_AVX2_INLINE __attribute__((target("avx2,fma"), always_inline)) inline

namespace selfsup {

constexpr int kTileRows = 6;
constexpr int kTileColumns = 16;

// Sums of up to 6 rows and 16 columns. The functions work on a local copy of the sums, which keeps them in registers.
template <int R>
struct Tile {
  __m256 sums[R][2];

  SELFSUP_AVX2_INLINE void Clear() {
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) sums[r][0] = sums[r][1] = _mm256_setzero_ps();
  }

  // sums[r][j] += sum over t and k of rows[t * step + r][k] * panel[t][k][j], panel [count, depth, 16]
  SELFSUP_AVX2_INLINE void AddRows(const float* const* rows, int64_t step, int64_t count, int64_t depth,
                                   const float* panel) {
    __m256 own[R][2];
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      own[r][0] = sums[r][0];
      own[r][1] = sums[r][1];
    }
    for (int64_t t = 0; t < count; ++t, rows += step) {
      const float* row[R];
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r) row[r] = rows[r];
      for (int64_t k = 0; k < depth; ++k, panel += kTileColumns) {
        const __m256 left = _mm256_loadu_ps(panel), right = _mm256_loadu_ps(panel + 8);
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r) {
          const __m256 factor = _mm256_broadcast_ss(row[r] + k);
          own[r][0] = _mm256_fmadd_ps(factor, left, own[r][0]);
          own[r][1] = _mm256_fmadd_ps(factor, right, own[r][1]);
        }
      }
    }
    Take(own);
  }

  // sums[r][j] += sum over k of first[r * stride + k] * panel[k][j]
  SELFSUP_AVX2_INLINE void AddStrided(const float* first, int64_t stride, int64_t depth, const float* panel) {
    const float* rows[R];
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) rows[r] = first + r * stride;
    AddRows(rows, 0, 1, depth, panel);
  }

  // sums[r][j] += sum over i of x[i * stride + r] * panel[i][j], panel [count, 16]
  SELFSUP_AVX2_INLINE void AddColumns(const float* x, int64_t stride, int64_t count, const float* panel) {
    __m256 own[R][2];
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      own[r][0] = sums[r][0];
      own[r][1] = sums[r][1];
    }
    for (int64_t i = 0; i < count; ++i, x += stride, panel += kTileColumns) {
      const __m256 left = _mm256_loadu_ps(panel), right = _mm256_loadu_ps(panel + 8);
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r) {
        const __m256 factor = _mm256_broadcast_ss(x + r);
        own[r][0] = _mm256_fmadd_ps(factor, left, own[r][0]);
        own[r][1] = _mm256_fmadd_ps(factor, right, own[r][1]);
      }
    }
    Take(own);
  }

  SELFSUP_AVX2_INLINE void Take(const __m256 (&own)[R][2]) {
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      sums[r][0] = own[r][0];
      sums[r][1] = own[r][1];
    }
  }

  SELFSUP_AVX2_INLINE void Store(int r, float* out, int64_t columns) const {
    if (columns >= kTileColumns) {
      _mm256_storeu_ps(out, sums[r][0]);
      _mm256_storeu_ps(out + 8, sums[r][1]);
      return;
    }
    float all[kTileColumns];
    _mm256_storeu_ps(all, sums[r][0]);
    _mm256_storeu_ps(all + 8, sums[r][1]);
    for (int64_t j = 0; j < columns; ++j) out[j] = all[j];
  }

  SELFSUP_AVX2_INLINE void Add(int r, float* out, int64_t columns) const {
    if (columns >= kTileColumns) {
      _mm256_storeu_ps(out, _mm256_add_ps(_mm256_loadu_ps(out), sums[r][0]));
      _mm256_storeu_ps(out + 8, _mm256_add_ps(_mm256_loadu_ps(out + 8), sums[r][1]));
      return;
    }
    float all[kTileColumns];
    _mm256_storeu_ps(all, sums[r][0]);
    _mm256_storeu_ps(all + 8, sums[r][1]);
    for (int64_t j = 0; j < columns; ++j) out[j] += all[j];
  }
};

// Runs statements with the number of rows, 1 to 6, as a constant R.
#define SELFSUP_WITH_ROWS(rows, ...)                 \
  switch (rows) {                                    \
    case 6: { constexpr int R = 6; __VA_ARGS__ } break; \
    case 5: { constexpr int R = 5; __VA_ARGS__ } break; \
    case 4: { constexpr int R = 4; __VA_ARGS__ } break; \
    case 3: { constexpr int R = 3; __VA_ARGS__ } break; \
    case 2: { constexpr int R = 2; __VA_ARGS__ } break; \
    default: { constexpr int R = 1; __VA_ARGS__ }       \
  }

}  // namespace selfsup

#endif
