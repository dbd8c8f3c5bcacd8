import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SelfsupError } from '@selfsup/core'
import { openImageIndex } from '../../packages/retrieval/src/image-index.js'
import { updateIndex } from '../../packages/retrieval/src/update-index.js'

// Fills a small disk while images are indexed on it, and prints what happens: node full-disk.mjs DISK
const disk = process.argv[2]!
const WIDTH = 256

async function index(count: number): Promise<number | Pick<SelfsupError, 'name' | 'code' | 'message'>> {
  try {
    const opened = await openImageIndex(
      join(disk, 'index'),
      { weights: 'w', size: 8, mean: [0], std: [1] },
      { update: true },
    ) // prettier-ignore
    try {
      await updateIndex(
        opened,
        { count, source: '/images', pathOf: (image) => `/images/${image}.jpg`, stampOf: String },
        async (images) => ({ images, values: new Float32Array(images.length * WIDTH).fill(1), width: WIDTH }),
        { chunk: 100 },
      )
      return await opened.count()
    } finally {
      await opened.close()
    }
  } catch (error) {
    const { name, code, message } = error as SelfsupError
    return { name, code, message: message.replaceAll(disk, 'DISK') }
  }
}

const before = await index(100)
const { bavail, bsize } = statfsSync(disk)
writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize - 64 * 1024))
const full = await index(1000)
rmSync(join(disk, 'filler'))
console.log(JSON.stringify({ before, full, after: await index(1000) }))
