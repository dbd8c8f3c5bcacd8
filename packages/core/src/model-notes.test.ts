import { layers, sequential } from '@tensorflow/tfjs-layers'
import { expect, test } from 'vitest'
import { addModelNotes, readModelNotes } from './model-notes.js'

test('addModelNotes merges notes and keeps other metadata', () => {
  const model = sequential({ layers: [layers.flatten({ inputShape: [2, 2] })] })
  expect(readModelNotes(model)).toEqual({})
  model.setUserDefinedMetadata({ author: 'someone' })
  addModelNotes(model, { recipe: { name: 'convnet', options: { size: 8 } } })
  addModelNotes(model, { complete: false })
  expect(readModelNotes(model)).toEqual({
    recipe: { name: 'convnet', options: { size: 8 } },
    complete: false,
  })
  expect(model.getUserDefinedMetadata()).toMatchObject({ author: 'someone' })
})
