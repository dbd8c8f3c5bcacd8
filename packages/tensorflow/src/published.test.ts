import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findInstalled } from './find.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const require = createRequire(import.meta.url)

/** The published package differs from the checkout: it bundles the kernels and contains the binding's sources. */
describe('the published package', () => {
  let dist: string

  beforeAll(() => {
    mkdirSync(join(root, 'node_modules'), { recursive: true })
    dist = mkdtempSync(join(root, 'node_modules', '.published-'))
    const tsup = join(dirname(require.resolve('tsup/package.json')), 'dist', 'cli-default.js')
    const { status, stdout, stderr } = spawnSync(process.execPath, [tsup, '--out-dir', dist, '--no-dts'], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(status, stdout + stderr).toBe(0)
  })
  afterAll(() => rmSync(dist, { recursive: true, force: true }))

  test('does not need tfjs-node', () => {
    const kernels = readFileSync(join(dist, 'kernels.js'), 'utf8')
    const modules = [...kernels.matchAll(/(?:__require\(|from )["']([^"']+)["']/g)].map((match) => match[1])
    expect([...new Set(modules)].sort()).toEqual(['@tensorflow/tfjs-core', 'node:module', 'os', 'util'])
    expect(readFileSync(join(dist, 'index.js'), 'utf8')).not.toMatch(/from ['"]@tensorflow\/tfjs-node/)
  })

  test('contains all sources of the binding and their notices', () => {
    const files = ['addon.cc', 'engine.h', 'process.cc', 'NOTICE', 'node-api/node_api.h', 'node-api/LICENSE']
    expect(files.filter((file) => !existsSync(join(dist, 'binding', file)))).toEqual([])
  })

  test.runIf(findInstalled())('computes with the bundled kernels', () => {
    const script = `
      import * as tf from '@tensorflow/tfjs-core'
      import { loadTensorflow } from './index.js'
      await loadTensorflow()
      await tf.setBackend('tensorflow')
      const x = tf.tensor2d([1, 2, 3, 4], [2, 2])
      console.log(JSON.stringify([...tf.matMul(x, x).dataSync(), ...tf.sum(x, 0).dataSync()]))`
    writeFileSync(join(dist, 'script.mjs'), script)
    const { stdout, stderr } = spawnSync(process.execPath, [join(dist, 'script.mjs')], { encoding: 'utf8' })
    expect(stdout.trim(), stderr).toBe('[7,10,15,22,4,6]')
  })
})
