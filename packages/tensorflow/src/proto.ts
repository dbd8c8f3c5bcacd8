// Writes the fields of TensorFlow's protocol buffers.

/** A nonnegative integer as a field; empty if undefined. */
export function number(field: number, value: number | undefined): number[] {
  return value === undefined ? [] : [...varint(field * 8), ...varint(value)]
}

/** A message or bytes as a field; empty if undefined. */
export function message(field: number, body: readonly number[] | undefined): number[] {
  return body === undefined ? [] : [...varint(field * 8 + 2), ...varint(body.length), ...body]
}

/** A string as a field; empty if undefined. */
export function text(field: number, value: string | undefined): number[] {
  return message(field, value === undefined ? undefined : [...Buffer.from(value)])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}
