import { expect, it } from 'vitest'
import { plainFrame } from './jpeg-frame.js'
import { madeImage } from './made-images.js'

/** A JPEG whose header is changed by a function that receives the position of the size. */
async function changed(change: (file: Buffer, size: number) => Buffer | number): Promise<Buffer> {
  const file = await madeImage(1, 40, 30).jpeg().toBuffer()
  const result = change(file, file.indexOf(Buffer.from([0xff, 0xc0])) + 5)
  return typeof result === 'number' ? file : result
}

it('reads size and colours of a plain JPEG', async () => {
  expect(plainFrame(await changed((file) => file), 3)).toEqual({ width: 40, height: 30, components: 3 })
})

it.each<[string, Parameters<typeof changed>[0]]>([
  ['of more pixels than anybody has', (file, size) => file.writeUInt32BE(0xfff0fff0, size)],
  ['of one row', (file, size) => file.writeUInt16BE(1, size)],
  ['that is truncated', (file) => file.subarray(0, file.length - 2)],
  [
    'that ends within its header',
    (file, size) => Buffer.concat([file.subarray(0, size), Buffer.from([0xff, 0xd9])]),
  ],
  ['whose first segment is longer than all', (file) => file.writeUInt16BE(0xffff, 4)],
  ['whose first segment has no length', (file) => file.writeUInt16BE(0, 4)],
  ['of 12 bits', (file, size) => file.writeUInt8(12, size - 1)],
])('returns undefined for a JPEG %s', async (_, change) => {
  expect(plainFrame(await changed(change), 3)).toBeUndefined()
})
