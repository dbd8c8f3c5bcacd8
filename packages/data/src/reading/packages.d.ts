declare module 'heic-decode' {
  interface HeicImage {
    readonly width: number
    readonly height: number
    decode(): Promise<{ width: number; height: number; data: Uint8ClampedArray }>
  }
  const heic: {
    all(options: { buffer: Uint8Array }): Promise<HeicImage[] & { dispose(): void }>
  }
  export default heic
}

declare module '@cornerstonejs/codec-openjpeg/decodewasmjs' {
  interface J2KDecoder {
    /** Allocates WebAssembly memory for a file of this length. */
    getEncodedBuffer(length: number): Uint8Array
    /** @throws a number, or an error of WebAssembly, if the file is damaged */
    decode(): void
    getFrameInfo(): {
      width: number
      height: number
      componentCount: number
      bitsPerSample: number
      isSigned: boolean
    }
    /** A view of the WebAssembly memory, valid until the next call. */
    getDecodedBuffer(): Uint8Array
    delete(): void
  }
  export interface OpenJpeg {
    readonly HEAPU8: Uint8Array
    readonly J2KDecoder: new () => J2KDecoder
  }
  export interface OpenJpegOptions {
    print(text: string): void
    printErr(text: string): void
    instantiateWasm(imports: object, done: (instance: object, program: object) => void): object
  }
  export default function create(options: OpenJpegOptions): Promise<OpenJpeg>
}
