import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { lastLine, type Outcome, runProgram } from './program.js'

const probe = `
const addon = require(process.argv[1])
const exchange = new Int32Array(64)
const { gpu } = addon.start(exchange, new Uint8Array(), new Uint8Array())
const [INT, FLOAT, TYPE] = [1, 2, 4]
const tensor = (shape, values) => addon.createTensor(shape, 1, new Float32Array(values), false)
const run = (name, attributes, inputs) => {
  exchange.set(inputs)
  addon.define(0, name, attributes)
  addon.execute(0, inputs.length, 1)
  return addon.readSync(exchange[0])
}
const x = tensor([2], [1, 2])
if (run('AddV2', ['T', TYPE, 1], [x, x]).join() !== '2,4') throw new Error('1 + 1 is not 2')
if (!gpu) {
const box = Float32Array.from({ length: 18 }, (_, i) => +(i > 1 && i < 4))
const view = run('SelfsupViews', ['T', TYPE, 1, 'size', INT, 1, 'kernel_size', INT, 0, 'threshold', FLOAT, 0.5],
  [tensor([1, 1, 1, 1], [255]), tensor([1, 18], box), tensor([2, 1], [0, 1])])
if (Math.abs(view[0] - 1) > 1e-6) throw new Error('SelfsupViews returned ' + view[0] + ' instead of 1')
}
console.log(gpu ? 'works on the GPU' : 'works')
`

/**
 * Loads the addon in a separate process, adds two numbers and computes a view.
 * @returns whether TensorFlow computes on a GPU
 * @throws SelfsupError with one line that says why the addon does not load
 */
export async function verifyBinding(folder: string): Promise<{ readonly gpu: boolean }> {
  const outcome = await runProgram(process.execPath, ['-e', probe, join(folder, 'selfsup.node')], {
    env: { TF_CPP_MIN_LOG_LEVEL: '2', NODE_OPTIONS: '' },
  })
  if (outcome.code === 0 && /works/.test(outcome.output)) return { gpu: /on the GPU/.test(outcome.output) }
  throw new SelfsupError(explainLoad(outcome), { code: 'engine-broken', path: folder })
}

/** Opens libraries one after another. Node reports a library that opens but is not an addon as "did not self-register". */
const opening = `
const flags = require('node:os').constants.dlopen.RTLD_LAZY
for (const path of process.argv.slice(1)) {
  try {
    process.dlopen({ exports: {} }, path, flags)
  } catch (error) {
    const [line] = error.message.split('\\n')
    if (!/did not self-register/.test(line)) console.log('does not open: ' + line)
  }
}
`

/**
 * Opens shared libraries in a separate process, as TensorFlow does, without LD_LIBRARY_PATH.
 * @returns a line for each library that does not open, unless only the NVIDIA driver is missing
 */
export async function unopenable(libraries: readonly string[]): Promise<string[]> {
  const env = { LD_LIBRARY_PATH: '', NODE_OPTIONS: '' }
  const { output } = await runProgram(process.execPath, ['-e', opening, ...libraries], { env })
  const lines = output.split('\n').filter((line) => line.startsWith('does not open: '))
  return lines.map((line) => line.slice(15)).filter((line) => !line.includes('libcuda.so'))
}

/** Explains in one line why the library did not load. */
export function explainLoad({ output, signal }: Outcome): string {
  const otherwise = 'use the WebAssembly engine (--engine wasm)'
  if (signal === 'SIGILL') {
    return `TensorFlow's library needs a processor with AVX, which this one does not have; ${otherwise}`
  }
  if (signal) return `TensorFlow's library ended with ${signal} while loading; ${otherwise}`
  const glibc = /version `(GLIBC\w*_[\d.]+)' not found/.exec(output)
  if (glibc) {
    return `TensorFlow's library needs ${glibc[1]}, which this system does not have; ${otherwise} or a newer system`
  }
  const error = output.split('\n').find((line) => /^\w*Error: /.test(line)) ?? lastLine(output)
  return `TensorFlow's library does not load (${error.trim().slice(0, 200)}); ${otherwise}`
}
