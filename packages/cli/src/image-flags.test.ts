import { expect, it } from 'vitest'
import { noteChannels, readingOf } from './image-flags.js'

it.each([
  [{}, {}],
  [
    { range: 'image', bands: 'all', page: 'all' },
    { range: 'image', bands: 'all', page: 'all' },
  ],
  [{ range: '-1024,3000.5' }, { range: { any: { low: [-1024], high: [3000.5] } } }],
  [{ bands: '0,3,2' }, { bands: [0, 3, 2] }],
  [{ background: 'gray' }, { background: '#808080' }],
  [{ background: '#AABBCC' }, { background: '#aabbcc' }],
  [
    { page: '3', tile: 224, stride: 112 },
    { page: 3, tile: 224, stride: 112 },
  ],
  [{ tile: false as const }, { tile: undefined, stride: undefined }],
])('%j', (flags, reading) => {
  expect(readingOf(flags)).toEqual(reading)
})

it.each([
  [{ range: '5' }, "--range must be auto, image or low,high with low below high; got '5'"],
  [{ range: '5,5' }, 'with low below high'],
  [{ range: '5,' }, 'with low below high'],
  [{ bands: 'r,g' }, "--bands must be rgb, all or numbers from 0 such as 0,3,2; got 'r,g'"],
  [{ background: 'constructor' }, '--background must be auto, white, black, gray or a colour'],
  [{ page: '-1' }, "--page must be a number from 0, or all; got '-1'"],
])('%j is refused', (flags, message) => {
  expect(() => readingOf(flags)).toThrow(message)
})

it('says once that colours are not augmented, for other channels than grey and colours', () => {
  const notes: string[] = []
  for (const channels of [1, 3, 5]) noteChannels(channels, (text) => notes.push(text))
  expect(notes).toHaveLength(1)
  expect(notes[0]).toMatch(/^Images have 5 channels: .*not hue, saturation or grey/)
})
