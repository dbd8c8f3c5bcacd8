import type { ImagePart } from './image-reading.js'

/** A path with a part as its fragment, as in W3C's Media Fragments: `slide.tif#page=2&xywh=448,0,224,224`. */
export function withPart(path: string, { page, box }: ImagePart): string {
  const terms = [
    ...(page === undefined ? [] : [`page=${page}`]),
    ...(box ? [`xywh=${box.left},${box.top},${box.width},${box.height}`] : []),
  ]
  return terms.length > 0 ? `${path}#${terms.join('&')}` : path
}

/** Separates the fragment of a path that `withPart` made. */
export function splitPart(path: string): { readonly file: string; readonly part: ImagePart } {
  const match = /^(.+)#(?=.)(?:page=(\d+))?&?(?:xywh=(\d+),(\d+),(\d+),(\d+))?$/.exec(path)
  if (!match) return { file: path, part: {} }
  const [, file, page, left, top, width, height] = match
  return {
    file: file!,
    part: {
      ...(page !== undefined && { page: Number(page) }),
      ...(left !== undefined && {
        box: { left: Number(left), top: Number(top), width: Number(width), height: Number(height) },
      }),
    },
  }
}
