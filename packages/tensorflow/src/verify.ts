import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { lastLine, type Outcome, runProgram } from './program.js'

const probe = `
const b = require(process.argv[1])
const x = b.createTensor([2], b.TF_FLOAT, new Float32Array([1, 2]))
const [y] = b.executeOp('AddV2', [{ name: 'T', type: b.TF_ATTR_TYPE, value: b.TF_FLOAT }], [x, x], 1)
if (b.tensorDataSync(y.id).join() !== '2,4') throw new Error('1 + 1 is not 2')
require(process.argv[2])
const [v] = b.executeOp('SelfsupViews', [
  { name: 'T', type: b.TF_ATTR_TYPE, value: b.TF_FLOAT }, { name: 'size', type: b.TF_ATTR_INT, value: 1 },
  { name: 'kernel_size', type: b.TF_ATTR_INT, value: 0 }, { name: 'threshold', type: b.TF_ATTR_FLOAT, value: 0.5 },
], [
  b.createTensor([1, 1, 1, 1], b.TF_FLOAT, new Float32Array([255])),
  b.createTensor([1, 18], b.TF_FLOAT, Float32Array.from({ length: 18 }, (_, i) => +(i > 1 && i < 4))),
  b.createTensor([2, 1], b.TF_FLOAT, new Float32Array([0, 1])),
], 1)
if (Math.abs(b.tensorDataSync(v.id)[0] - 1) > 1e-6) throw new Error('the view is not the picture')
console.log('works')
`

/** Loads the addons in a process of its own, adds two numbers and makes a view. */
export async function verifyBinding(folder: string): Promise<void> {
  const outcome = await runProgram(
    process.execPath,
    ['-e', probe, join(folder, 'tfjs_binding.node'), join(folder, 'selfsup.node')],
    {
      env: { TF_CPP_MIN_LOG_LEVEL: '2', NODE_OPTIONS: '' },
    },
  )
  if (outcome.code === 0 && /works/.test(outcome.output)) return
  throw new SelfsupError(explainLoad(outcome))
}

/** Why the library did not load, in one line. */
export function explainLoad({ output, signal }: Outcome): string {
  const otherwise = 'use the WebAssembly engine (--engine wasm)'
  if (signal === 'SIGILL') {
    return `TensorFlow's library needs a processor with AVX, which this one lacks; ${otherwise}`
  }
  if (signal) return `TensorFlow's library ended with ${signal} while loading; ${otherwise}`
  const glibc = /version `(GLIBC\w*_[\d.]+)' not found/.exec(output)
  if (glibc) {
    return `TensorFlow's library needs ${glibc[1]}, which this system lacks; ${otherwise} or a newer system`
  }
  const error = output.split('\n').find((line) => /^\w*Error: /.test(line)) ?? lastLine(output)
  return `TensorFlow's library does not load (${error.trim().slice(0, 200)}); ${otherwise}`
}
