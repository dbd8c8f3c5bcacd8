import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { contactSheet } from './contact-sheet.js'

/** Images of a single grey value each. */
const images = (size: number, greys: readonly number[]) => ({
  data: Uint8Array.from(greys.flatMap((grey) => Array<number>(size * size).fill(grey))),
  shape: [greys.length, size, size, 1] as const,
})

async function pixels(path: string): Promise<string[]> {
  const { data, info } = await sharp(path).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true })
  const letters = [...data].map((value) => ({ 255: '.', 10: 'a', 20: 'b', 30: 'c', 40: 'd' })[value] ?? '?')
  return Array.from({ length: info.height }, (_, row) =>
    letters.slice(row * info.width, (row + 1) * info.width).join(''),
  )
}

it('arranges one set in rows, and several sets of different sizes one below the other', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'new', 'sheet.png')
  await contactSheet(path, images(1, [10, 20, 30]), { columns: 2, zoom: 1 })
  expect(await pixels(path)).toEqual(['.....', '.a.b.', '.....', '.c...', '.....'])
  await contactSheet(path, [images(2, [10, 20]), images(1, [30, 40])], { zoom: 1 })
  expect(await pixels(path)).toEqual([
    '.......',
    '.aa.bb.',
    '.aa.bb.',
    '.......',
    '.c..d..',
    '.......',
    '.......',
  ])
})

it('writes captions under the images, as much of their end as fits', async () => {
  const path = join(temporaryFolder(), 'sheet.png')
  const black = { 255: '.', 0: '#', 10: 'a' } as const
  await contactSheet(path, images(11, [10, 10]), { columns: 2, zoom: 1, captions: ['10', 'wide 1'] })
  const { data, info } = await sharp(path).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true })
  const rows = Array.from({ length: info.height }, (_, row) =>
    [...data.subarray(row * info.width, (row + 1) * info.width)]
      .map((value) => black[value as keyof typeof black] ?? '?')
      .join(''),
  )
  expect(rows.slice(12, 22)).toEqual([
    '.........................',
    '...#....###..........#...',
    '..##...#...#........##...',
    '...#...#..##.........#...',
    '...#...#.#.#.........#...',
    '...#...##..#.........#...',
    '...#...#...#.........#...',
    '..###...###.........###..',
    '.........................',
    '.........................',
  ])
  await expect(contactSheet(path, images(1, [10]), { captions: [] })).rejects.toThrow('one caption for each')
})

it('rejects no images, and grey images together with colour images', async () => {
  const colour = { data: new Uint8Array(3), shape: [1, 1, 1, 3] as const }
  await expect(contactSheet('sheet.png', [])).rejects.toThrow('there are no images to show')
  await expect(contactSheet('sheet.png', [colour, images(1, [10])])).rejects.toThrow(
    'same number of channels; got 3,1',
  )
})

it('throws if the file cannot be written', async () => {
  const folder = temporaryFolder()
  await writeFile(join(folder, 'file'), '')
  await expect(contactSheet(join(folder, 'file', 'sheet.png'), images(1, [10]))).rejects.toThrow(
    /sheet.png cannot be written \(E\w+\); choose another folder/,
  )
})

it.each([
  [2, [10, 10, 10]],
  [5, [10, 20, 30]],
])('of %i bands shows the first ones', async (bands, shown) => {
  const path = join(temporaryFolder(), 'sheet.png')
  const data = Uint8Array.from({ length: 4 * bands }, (_, i) => 10 * (1 + (i % bands)))
  await contactSheet(path, { data, shape: [1, 2, 2, bands] }, { zoom: 1, captions: ['x'] })
  const { data: drawn, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true })
  const at = (1 * info.width + 1) * info.channels
  expect([...drawn.subarray(at, at + 3)]).toEqual(shown)
})
