// A whole training run: images, steps, checkpoints, metrics, TensorBoard, the exported backbone.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { batchSize, dataset, engine, learningRate, method, optimizer, steps } from './loop-task.mjs'
import { load, report } from './packages.mjs'

const { train } = await load('train')
const scratch = mkdtempSync(join(tmpdir(), 'selfsup-loop-'))
try {
  console.log('begin')
  await train(method, dataset, {
    out: join(scratch, 'run'),
    engine,
    epochs: Math.ceil((steps * batchSize) / dataset.length),
    batchSize,
    learningRate,
    optimizer,
    onStep: () => {},
  })
  report(engine, [])
  console.log(`end ${steps * batchSize} images/s`)
} finally {
  rmSync(scratch, { recursive: true })
}
