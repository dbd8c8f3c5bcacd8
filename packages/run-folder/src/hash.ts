/** A SHA-256 of bytes that come in parts. */
export interface Sha256 {
  update(bytes: Uint8Array | string): Sha256
  /** The hash in hexadecimal digits; ends the computation. */
  hex(): string
}
