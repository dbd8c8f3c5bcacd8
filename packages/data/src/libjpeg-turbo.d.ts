/** libjpeg-turbo compiled to WebAssembly, as far as it is used here; the package brings no types. */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  interface JpegDecoder {
    /** memory of the WebAssembly side for a file of this length */
    getEncodedBuffer(length: number): Uint8Array
    /** @throws a number when the file is damaged */
    decode(): void
    getFrameInfo(): { width: number; height: number; componentCount: number; bitsPerSample: number }
    /** a view of the WebAssembly side's memory, good until the next call */
    getDecodedBuffer(): Uint8Array
  }
  export default function libjpegTurbo(): Promise<{ JPEGDecoder: new () => JpegDecoder }>
}
