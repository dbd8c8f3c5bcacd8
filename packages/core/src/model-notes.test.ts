import { layers, sequential } from '@tensorflow/tfjs-layers'
import { expect, test } from 'vitest'
import { noteOnModel, notesOfModel } from './model-notes.js'

test('noteOnModel merges notes and keeps other metadata', () => {
  const model = sequential({ layers: [layers.flatten({ inputShape: [2, 2] })] })
  expect(notesOfModel(model)).toEqual({})
  model.setUserDefinedMetadata({ author: 'someone' })
  noteOnModel(model, { recipe: { name: 'convnet', options: { size: 8 } } })
  noteOnModel(model, { complete: false })
  expect(notesOfModel(model)).toEqual({ recipe: { name: 'convnet', options: { size: 8 } }, complete: false })
  expect(model.getUserDefinedMetadata()).toMatchObject({ author: 'someone' })
})
