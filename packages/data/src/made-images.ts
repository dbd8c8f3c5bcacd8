import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { uniforms } from '@selfsup/core'
import sharp, { type Sharp } from 'sharp'

/** For tests: a random image that depends only on the number. */
export function madeImage(number: number, width = 16, height = width): Sharp {
  const data = Uint8Array.from(uniforms([7, number], width * height * 3), (u) => u * 256)
  return sharp(data, { raw: { width, height, channels: 3 } })
}

/** For tests: writes files and creates their folders. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, Buffer | string>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
}
