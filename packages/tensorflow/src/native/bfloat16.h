// bfloat16: the upper 16 bits of float32.
#pragma once

#include <cstdint>
#include <cstring>

#include "resample.h"

namespace selfsup {

struct Bfloat16 {
  uint16_t bits;
};

SELFSUP_INLINE float ToFloat(float value) { return value; }
SELFSUP_INLINE float ToFloat(Bfloat16 value) {
  const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

SELFSUP_INLINE void Put(float value, float& to) { to = value; }
// Rounds to nearest, ties to even. NaN stays NaN.
SELFSUP_INLINE void Put(float value, Bfloat16& to) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  to.bits = static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

}  // namespace selfsup
