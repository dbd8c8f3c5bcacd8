/** Types of libjpeg-turbo compiled to WebAssembly, limited to the parts used here; the package has no types. */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  interface JpegDecoder {
    /** Allocates WebAssembly memory for a file of this length. */
    getEncodedBuffer(length: number): Uint8Array
    /** @throws a number if the file is damaged */
    decode(): void
    getFrameInfo(): { width: number; height: number; componentCount: number; bitsPerSample: number }
    /** A view of the WebAssembly memory, valid until the next call. */
    getDecodedBuffer(): Uint8Array
  }
  export default function libjpegTurbo(): Promise<{ JPEGDecoder: new () => JpegDecoder }>
}
