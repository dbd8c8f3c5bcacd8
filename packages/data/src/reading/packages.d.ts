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
