import { createContext, runInContext } from 'node:vm'
import { expect, test } from 'vitest'
import { BROWSER_PACKAGES, bundleForBrowser, bundleOf, packagesWithBrowserEntry } from './bundle.js'

const program = `
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers'
import '@tensorflow/tfjs-backend-cpu'
import { ntXent } from '@selfsup/losses'

await tf.setBackend('cpu')
const [z1, z2] = [tf.tensor2d([1, 0, 0, 1], [2, 2]), tf.tensor2d([1, 0, 0, 1], [2, 2])]
const { value, grads } = tf.valueAndGrads((a, b) => ntXent(a, b, { temperature: 0.5 }))([z1, z2])
globalThis.result = [value.dataSync()[0], ...grads[0].dataSync()]
`

test('the losses bundle for a browser without Node built-ins, and run with what a browser has', async () => {
  const { code, inputs } = await bundleForBrowser(
    `void (async () => { ${withDynamicImports(program)} })().then(done, done)`,
    { folder: 'losses' },
  )
  expect(inputs.filter((path) => /packages\/(engine|tensorflow)\//.test(path))).toEqual([])
  expect(inputs.some((path) => path.includes('packages/losses/src/nt-xent.ts'))).toBe(true)

  const { result } = await run(code)
  // Each view has its positive at similarity 1 and two negatives at 0: log(exp(2) + 2) - 2.
  expect(result![0]).toBeCloseTo(Math.log(Math.exp(2) + 2) - 2, 5)
  expect(result).toHaveLength(5)
})

test.each(BROWSER_PACKAGES)('all of %s bundles for a browser without Node built-ins', async (name) => {
  const { gzipped, code } = await bundleOf(name, 'packages')
  expect(gzipped).toBeGreaterThan(500)
  expect(code).not.toMatch(/["']node:/)
})

test.each(packagesWithBrowserEntry())('the entry of %s for browsers bundles', async (name) => {
  expect((await bundleOf(name, 'code')).code).not.toMatch(/["']node:/)
})

test('the losses with the packages that they need have less than 10 kB, without kernels of WebGPU and WebAssembly', async () => {
  const { gzipped, code } = await bundleOf('losses', 'packages')
  expect(gzipped).toBeLessThan(10_000)
  expect(code).not.toMatch(/@compute|Collective/)
})

test('a program with an engine contains the kernels of WebGPU and WebAssembly', async () => {
  const { code, inputs } = await bundleForBrowser(
    "import { prepareEngine } from '@selfsup/engine'; globalThis.prepareEngine = prepareEngine",
    { external: ['@tensorflow/*'], folder: 'engine' },
  )
  expect(code).toMatch(/@compute/)
  expect(inputs).toContain('packages/kernels/src/wasm/register.ts')
})

test('a program that needs Node does not bundle', async () => {
  await expect(bundleForBrowser("import 'node:fs'")).rejects.toThrow('Could not resolve "node:fs"')
})

/** Imports as calls, so that the program may wait within a function. */
function withDynamicImports(text: string): string {
  return text
    .replace(/^import \* as (\w+) from ('.*')$/gm, 'const $1 = await import($2)')
    .replace(/^import (\{.*\}) from ('.*')$/gm, 'const $1 = await import($2)')
    .replace(/^import ('.*')$/gm, 'await import($1)')
}

/** Runs a script with the globals of a browser that it needs, and none of Node's. */
async function run(code: string): Promise<{ result?: number[] }> {
  const window: Record<string, unknown> & { result?: number[] } = {
    console,
    performance,
    document: {}, // by it TensorFlow.js knows a browser
    navigator: {},
    crypto,
    addEventListener() {},
    setTimeout,
    TextEncoder,
    TextDecoder,
  }
  const failure = await new Promise((done) => {
    window.done = done
    window.window = window.self = window
    runInContext(code, createContext(window))
  })
  if (failure) throw failure
  return window
}
