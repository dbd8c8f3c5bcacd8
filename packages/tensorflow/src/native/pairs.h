// Pairs of bfloat16 numbers of two pixels, as the instructions of AVX512-BF16 and AMX take them.
#pragma once

#include "convolution.h"

#ifdef SELFSUP_BFLOAT16

namespace selfsup {

#define SELFSUP_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define SELFSUP_AVX512_INLINE __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"), always_inline)) inline

// Interleaves 16 values of two pixels into bfloat16 pairs; zeros where the mask is 0.
SELFSUP_AVX512_INLINE __m512i Pairs(const float* first, const float* second, __mmask16 some) {
  const __m512i lanes = _mm512_set_epi32(0x001f000f, 0x001e000e, 0x001d000d, 0x001c000c, 0x001b000b, 0x001a000a, 0x00190009,
                                         0x00180008, 0x00170007, 0x00160006, 0x00150005, 0x00140004, 0x00130003, 0x00120002,
                                         0x00110001, 0x00100000);
  return _mm512_permutexvar_epi16(lanes, (__m512i)_mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(some, second),
                                                                         _mm512_maskz_loadu_ps(some, first)));
}
SELFSUP_AVX512_INLINE __m512i Pairs(const Bfloat16* first, const Bfloat16* second, __mmask16 some) {
  const __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, first));
  const __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, second));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

// to[j][i] = from[i][j] for 16 x 16 words; the steps are the distances between rows.
SELFSUP_AVX512_INLINE void TransposeTile(const uint32_t* from, int64_t step, uint32_t* to, int64_t to_step) {
  __m512i r[16], s[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(from + i * step);
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {  // pairs of rows
    s[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    s[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {  // r[i + k]: column k of each group of four, of rows i to i + 3
    r[i] = _mm512_unpacklo_epi64(s[i], s[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(s[i], s[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(s[i + 1], s[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(s[i + 1], s[i + 3]);
  }
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {  // quarters of registers: columns k, k + 4, k + 8, k + 12
    const __m512i even = _mm512_shuffle_i32x4(r[k], r[k + 4], 0x88), odd = _mm512_shuffle_i32x4(r[k], r[k + 4], 0xdd);
    const __m512i even2 = _mm512_shuffle_i32x4(r[k + 8], r[k + 12], 0x88),
                  odd2 = _mm512_shuffle_i32x4(r[k + 8], r[k + 12], 0xdd);
    _mm512_storeu_si512(to + k * to_step, _mm512_shuffle_i32x4(even, even2, 0x88));
    _mm512_storeu_si512(to + (k + 4) * to_step, _mm512_shuffle_i32x4(odd, odd2, 0x88));
    _mm512_storeu_si512(to + (k + 8) * to_step, _mm512_shuffle_i32x4(even, even2, 0xdd));
    _mm512_storeu_si512(to + (k + 12) * to_step, _mm512_shuffle_i32x4(odd, odd2, 0xdd));
  }
}

}  // namespace selfsup

#endif
