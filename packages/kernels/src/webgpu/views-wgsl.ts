/** Columns of a view's parameters, as `pack` in ../views.ts writes them. */
export const COLUMNS = 18

/** WGSL that reads a parameter of a view, in bindings named `parameters`. */
export const parameter = `fn parameter(view: u32, column: u32) -> f32 { return parameters[view * ${COLUMNS}u + column]; }`

/** WGSL of the crop: bilinear with antialiasing, flipped and turned; the pixel of a view before colours, 0 to 1. */
export function sampling(height: number, width: number, channels: number, size: number): string {
  return `
struct Taps { first: i32, last: i32, centre: f32, width: f32 }

// The pixels along one axis that a pixel of the view averages: a triangle around its centre, within the box.
fn taps_of(start: f32, extent: f32, index: i32, mirrored: bool) -> Taps {
  let scale = extent / ${size}.0;
  let plain = f32(index) + 0.5;
  let centre = select(plain, ${size}.0 - plain, mirrored) * scale + start;
  let width = max(scale, 1.0);
  let first = max(i32(start), i32(ceil(centre - width - 0.5)));
  let last = min(i32(start + extent) - 1, i32(floor(centre + width - 0.5)));
  return Taps(first, last, centre, width);
}

fn weight(taps: Taps, at: i32) -> f32 { return max(0.0, 1.0 - abs(f32(at) + 0.5 - taps.centre) / taps.width); }

fn sampled(view: u32, row: i32, column: i32) -> vec3f {
  let quarters = i32(parameter(view, 6u));
  let back = ${size} - 1;
  var at = vec2i(row, column);
  if (quarters == 1) { at = vec2i(column, back - row); }
  if (quarters == 2) { at = vec2i(back - row, back - column); }
  if (quarters == 3) { at = vec2i(back - column, row); }
  let ys = taps_of(parameter(view, 0u), parameter(view, 2u), at.x, parameter(view, 5u) > 0.0);
  let xs = taps_of(parameter(view, 1u), parameter(view, 3u), at.y, parameter(view, 4u) > 0.0);
  var sum = vec3f();
  var total = 0.0;
  for (var y = max(0, ys.first); y <= min(${height - 1}, ys.last); y++) {
    let of_row = weight(ys, y);
    for (var x = max(0, xs.first); x <= min(${width - 1}, xs.last); x++) {
      let w = of_row * weight(xs, x);
      let from_image = ((i32(view) * ${height} + y) * ${width} + x) * ${channels};
      sum += w * ${loaded('images', 'from_image', channels, true)};
      total += w;
    }
  }
  return sum / (total * 255.0);
}`
}

/** WGSL of a pixel's channels. */
export function loaded(name: string, at: string, channels: number, signed = false): string {
  const unit = signed ? '' : 'u'
  const value = (c: number) => `f32(${name}[${at}${c > 0 ? ` + ${c}${unit}` : ''}])`
  return channels === 3 ? `vec3f(${value(0)}, ${value(1)}, ${value(2)})` : `vec3f(${value(0)})`
}

/** WGSL that stores a pixel's channels. */
export function stored(name: string, at: string, value: string, channels: number): string {
  return [0, 1, 2]
    .slice(0, channels)
    .map((c) => `${name}[${at} + ${c}u] = ${value}[${c}];`)
    .join(' ')
}

/** WGSL of the four colour operations in the view's own order, up to a place; and of the greyscale. */
export const colours = `
fn unit(x: vec3f) -> vec3f { return clamp(x, vec3f(), vec3f(1.0)); }
fn luma(x: vec3f) -> f32 { return 0.2989 * x.x + 0.587 * x.y + 0.114 * x.z; }

fn hue_turned(x: vec3f, turns: f32) -> vec3f {
  let largest = max(x.x, max(x.y, x.z));
  let chroma = largest - min(x.x, min(x.y, x.z));
  let inverse = 1.0 / select(chroma, 1.0, chroma == 0.0);
  let on_green = (x.z - x.x) * inverse + 2.0;
  let on_blue = (x.x - x.y) * inverse + 4.0;
  let hue = select(select(on_blue, on_green, largest == x.y), (x.y - x.z) * inverse, largest == x.x);
  let n = vec3f(hue + turns * 6.0) + vec3f(5.0, 3.0, 1.0);
  let k = n - floor(n / 6.0) * 6.0;
  return vec3f(largest) - chroma * unit(min(k, vec3f(4.0) - k));
}

fn coloured(view: u32, given: vec3f, places: u32, mean: f32) -> vec3f {
  var x = given;
  for (var place = 0u; place < places; place++) {
    let now = f32(place);
    if (parameter(view, 11u) == now) { x = unit(x * parameter(view, 7u)); }
    if (parameter(view, 12u) == now) { let f = parameter(view, 8u); x = unit(x * f + (1.0 - f) * mean); }
    if (parameter(view, 13u) == now) { let f = parameter(view, 9u); x = unit(x * f + (1.0 - f) * luma(x)); }
    if (parameter(view, 14u) == now && parameter(view, 10u) != 0.0) { x = hue_turned(x, parameter(view, 10u)); }
  }
  return x;
}`
