import type { FileHandle } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { readFully } from './read-fully.js'

/** A file whose reads return at most three bytes each. */
const slow = (content: Uint8Array) =>
  ({
    read: async (target: Uint8Array, offset: number, length: number, position: number) => {
      const part = content.subarray(position, position + Math.min(3, length))
      target.set(part, offset)
      return { bytesRead: part.length, buffer: target }
    },
  }) as unknown as FileHandle

it('reads until the target is full', async () => {
  const content = Uint8Array.from({ length: 20 }, (_, i) => i)
  const target = new Uint8Array(10)
  await readFully(slow(content), target, 5, 'ended')
  expect([...target]).toEqual([...content.subarray(5, 15)])
})

it('throws if the file ends too early', async () => {
  const read = readFully(slow(new Uint8Array(8)), new Uint8Array(10), 0, 'x.tar: cut short')
  await expect(read).rejects.toMatchObject({ message: 'x.tar: cut short', code: 'damaged-file' })
})
