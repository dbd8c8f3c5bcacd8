import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findTensorflow } from './find.js'
import { loadTensorflow } from './load.js'

/** A project with a built tfjs-node and a tfjs-node-gpu without its addon. */
describe("the user's own tfjs-node", () => {
  let project: string
  const cacheFolder = '/nowhere'

  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'selfsup-project-'))
    for (const name of ['tfjs-node', 'tfjs-node-gpu']) {
      const folder = join(project, 'node_modules', '@tensorflow', name)
      mkdirSync(join(folder, 'lib', 'napi-v8'), { recursive: true })
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ version: '4.22.0', main: 'index.js' }))
      writeFileSync(join(folder, 'index.js'), `globalThis.loaded = ${JSON.stringify(name)}`)
    }
    const built = join(project, 'node_modules', '@tensorflow', 'tfjs-node', 'lib', 'napi-v8')
    writeFileSync(join(built, 'tfjs_binding.node'), '')
  })
  afterAll(() => rmSync(project, { recursive: true, force: true }))

  test('is found if its addon exists', () => {
    expect(findTensorflow({ cacheFolder, from: project })).toMatchObject({
      source: '@tensorflow/tfjs-node',
      version: '4.22.0',
    })
  })

  test('is loaded unchanged', async () => {
    expect(tf.findBackendFactory('tensorflow')).toBeNull()
    const { source } = await loadTensorflow({ cacheFolder, from: project })
    expect(source).toBe('@tensorflow/tfjs-node')
    expect((globalThis as { loaded?: string }).loaded).toBe('tfjs-node')
  })
})
