import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleForBrowser } from './bundle.js'
import { chromiumPath } from './chromium.js'

// A run that is kept in a browser's database, with a real page that is reloaded.
const program = `
import '@tensorflow/tfjs-layers'
import { convnet } from '@selfsup/backbones'
import { shapes } from '@selfsup/data'
import { prepareEngine } from '@selfsup/engine'
import { checkpointPath, lockRun, readStored, runStorage, sha256 } from '@selfsup/run-folder'
import { simclr } from '@selfsup/simclr'
import { readRun, readSafetensors, restoreNetworks, train } from '@selfsup/train'

const images = shapes({ size: 8, count: 24 })

globalThis.trainSteps = async (out, { until, resume }) => {
  const engine = await prepareEngine({ engine: 'cpu' })
  const stop = new AbortController()
  const backbone = convnet({ size: 8, widths: [2, 4] })
  const result = await train(simclr(backbone, { outputs: 4 }), images, {
    out, engine, resume, epochs: 2, batchSize: 8, learningRate: 0.1, checkpointEvery: 2, logEvery: 1,
    signal: stop.signal,
    onStep: ({ step }) => step === until && stop.abort(),
  })
  return { step: result.step, interrupted: result.interrupted }
}
globalThis.about = async (out) => {
  const run = await readRun(out)
  const { tensors } = await readSafetensors(checkpointPath(out, run.step))
  const bytes = sha256()
  for (const name of Object.keys(tensors).sort()) bytes.update(name).update(new Uint8Array(tensors[name].values.buffer))
  const metrics = new TextDecoder().decode(await readStored(runStorage, out + '/metrics.jsonl'))
  const losses = metrics.trim().split('\\n').map((line) => JSON.parse(line)).map(({ step, loss }) => [step, loss])
  return { step: run.step, weights: bytes.hex(), losses, files: (await runStorage.list(out)).sort() }
}
globalThis.restored = (out) => restoreNetworks({ backbone: convnet({ size: 8, widths: [2, 4] }) }, out)
globalThis.damage = async (out, step) => {
  const path = checkpointPath(out, step)
  const bytes = await readStored(runStorage, path)
  bytes[bytes.length - 1] ^= 1
  await runStorage.write(path, [bytes])
}
globalThis.locked = async (out) => {
  const lock = await lockRun(out)
  const second = await lockRun(out).catch((error) => error.code)
  await lock.release()
  await (await lockRun(out)).release()
  return second
}
globalThis.ready = true
`

describe.skipIf(!chromiumPath)('runs in a browser', () => {
  let server: Server
  let browser: Browser
  let page: Page
  const errors: string[] = []
  beforeAll(async () => {
    const { code } = await bundleForBrowser(program)
    server = createServer(({ url }, response) => {
      const script = url === '/program.js'
      response
        .setHeader('content-type', script ? 'text/javascript' : 'text/html')
        .end(
          script ? code : '<!doctype html><link rel="icon" href="data:,"><script src="/program.js"></script>',
        )
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] })
    page = await browser.newPage()
    page.on('pageerror', ({ message }) => errors.push(message))
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    await page.waitForFunction('globalThis.ready')
  })
  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  test('a run that is stopped and resumed after a reload has the same bits as one that was not', async () => {
    const call = (text: string) => page.evaluate(`globalThis.${text}`) as Promise<Record<string, unknown>>
    expect(await call(`trainSteps('runs/whole', {})`)).toEqual({ step: 6, interrupted: false })
    // The step after the one at which it was stopped may have been started.
    const { step, interrupted } = await call(`trainSteps('runs/stopped', { until: 3 })`)
    expect([interrupted, [3, 4].includes(step as number)]).toEqual([true, true])
    await page.reload()
    await page.waitForFunction('globalThis.ready')
    const again = call(`trainSteps('runs/stopped', {})`)
    await expect(again).rejects.toThrow('already holds a run (simclr, step ')
    expect(await call(`trainSteps('runs/stopped', { resume: true })`)).toEqual({
      step: 6,
      interrupted: false,
    })
    const whole = await call(`about('runs/whole')`)
    expect(whole.losses).toHaveLength(8) // six steps, and two epochs
    expect(await call(`about('runs/stopped')`)).toEqual({
      ...whole,
      files: expect.arrayContaining(['backbone', 'checkpoints', 'config.json', 'metrics.jsonl']),
    })
    expect(await call(`restored('runs/whole')`)).toBe(6)

    // Of a damaged checkpoint, the one before is used.
    await call(`damage('runs/whole', 6)`)
    expect(await call(`restored('runs/whole')`)).toBe(4)
    expect(await call(`locked('runs/whole')`)).toBe('run-locked')
    expect(errors).toEqual([])
  })
})
