/**
 * Functions in WGSL with the precision of float32. WGSL's own `log`, `sin` and `cos` may be wrong by 2^-21 near 1 and by 2^-11,
 * depending on the device. The polynomials are those of the Cephes library (Moshier 1984-1992, `logf.c` and `sinf.c`).
 */

/** `fn logarithm(x: f32) -> f32`, for normal x > 0. */
export const logarithm = `
fn logarithm(x: f32) -> f32 {
  let parts = frexp(x);
  let low = parts.fract < 0.70710678;
  let exponent = f32(parts.exp - select(0, 1, low));
  let f = select(parts.fract, 2.0 * parts.fract, low) - 1.0;
  let z = f * f;
  var p = 7.0376836292e-2;
  p = p * f - 1.1514610310e-1;
  p = p * f + 1.1676998740e-1;
  p = p * f - 1.2420140846e-1;
  p = p * f + 1.4249322787e-1;
  p = p * f - 1.6668057665e-1;
  p = p * f + 2.0000714765e-1;
  p = p * f - 2.4999993993e-1;
  p = p * f + 3.3333331174e-1;
  let y = f * z * p - 2.12194440e-4 * exponent - 0.5 * z;
  return f + y + 0.693359375 * exponent;
}
`

/** Of angles within an eighth of a turn of 0, in radians. */
const polynomials = `
fn small_sine(x: f32) -> f32 {
  let z = x * x;
  return ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1) * z * x + x;
}
fn small_cosine(x: f32) -> f32 {
  let z = x * x;
  return ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2) * z * z - 0.5 * z + 1.0;
}
fn in_quarter(quarter: i32, x: f32) -> f32 {
  let value = select(small_sine(x), small_cosine(x), (quarter & 1) == 1);
  return select(value, -value, (quarter & 2) == 2);
}
`

/** `fn sine_of_turns(x: f32) -> f32`, the sine of 2 pi x, and the same of cosines; exact reductions for x from 0 to 1. */
export const ofTurns = `${polynomials}
fn quarters_of(x: f32) -> f32 { return floor(4.0 * x + 0.5); }
fn sine_of_turns(x: f32) -> f32 {
  let quarters = quarters_of(x);
  return in_quarter(i32(quarters), 6.2831853 * (x - 0.25 * quarters));
}
fn cosine_of_turns(x: f32) -> f32 {
  let quarters = quarters_of(x);
  return in_quarter(i32(quarters) + 1, 6.2831853 * (x - 0.25 * quarters));
}
`

/**
 * `fn sine(x: f32) -> f32` and `cosine`, of angles up to 8192 in radians: pi / 2 is subtracted in three parts (Cody and Waite
 * 1980). The device's own functions compute larger ones.
 */
export const ofRadians = `${polynomials}
fn quarters_of(x: f32) -> f32 { return floor(0.63661977 * x + 0.5); }
fn reduced(x: f32, quarters: f32) -> f32 {
  return ((x - 1.5703125 * quarters) - 4.8375129699707031e-4 * quarters) - 7.5497899548918821e-8 * quarters;
}
fn sine(x: f32) -> f32 {
  let quarters = quarters_of(x);
  return select(sin(x), in_quarter(i32(quarters), reduced(x, quarters)), abs(x) < 8192.0);
}
fn cosine(x: f32) -> f32 {
  let quarters = quarters_of(x);
  return select(cos(x), in_quarter(i32(quarters) + 1, reduced(x, quarters)), abs(x) < 8192.0);
}
`
