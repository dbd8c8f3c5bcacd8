import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { backbones } from '@selfsup/backbones'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exportBackbone } from '../../packages/train/src/export-backbone.js'
import { temporaryFolder } from '../vitest/temporary-folder.js'
import { chromiumPath } from './chromium.js'

// Exported backbones are loaded by the published builds of TensorFlow.js, in a plain page of a real browser.
const require = createRequire(
  fileURLToPath(new URL('../../packages/backbones/package.json', import.meta.url)),
)
const published = (name: string, file: string) =>
  join(dirname(require.resolve(`@tensorflow/${name}/package.json`)), 'dist', file)
const scripts: Readonly<Record<string, string>> = {
  '/core.js': published('tfjs-core', 'tf-core.min.js'),
  '/cpu.js': published('tfjs-backend-cpu', 'tf-backend-cpu.min.js'),
  '/layers.js': published('tfjs-layers', 'tf-layers.min.js'),
}
const page = `<!doctype html>${Object.keys(scripts)
  .map((path) => `<script src="${path}"></script>`)
  .join('')}`

const [count, size] = [2, 16]
const pixel = (i: number) => Math.sin(i) // the page computes the same values

describe.skipIf(!chromiumPath)('exported backbones in a browser', () => {
  let folder: string
  let server: Server
  let address: string
  let browser: Browser
  beforeAll(async () => {
    folder = temporaryFolder()
    browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] })
    await prepareEngine()
    server = createServer(({ url = '/' }, response) => {
      const file = scripts[url] ?? (url === '/' ? undefined : join(folder, url))
      if (url === '/') response.setHeader('content-type', 'text/html').end(page)
      else if (file && existsSync(file)) response.end(readFileSync(file))
      else response.writeHead(404).end()
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    await browser.close()
    server.close()
  })

  test.each(
    backbones
      .filter(({ name }) => !/resnet(34|50)|vit-(small|base|large)|convnext/.test(name))
      .map(({ name }) => name),
  )('%s is loaded by tf.loadLayersModel and returns the same features', async (name) => {
    const backbone = backbones.find((definition) => definition.name === name)!.create({ size, seed: 3 })
    await exportBackbone(backbone, join(folder, name))
    const images = tf.tensor4d(
      Float32Array.from({ length: count * size * size * 3 }, (_, i) => pixel(i)),
      [count, size, size, 3],
    )
    const wanted = tf.tidy(() => (backbone.apply(images, { training: false }) as tf.Tensor).dataSync())
    images.dispose()

    const tab = await browser.newPage()
    try {
      const errors: string[] = []
      tab.on('pageerror', (error) => errors.push(error.message))
      await tab.goto(address)
      const features = await tab.evaluate(
        async ([model, images, side]) => {
          // biome-ignore lint/suspicious/noExplicitAny: the global that the page's scripts define
          const page = (globalThis as any).tf
          await page.setBackend('cpu')
          const loaded = await page.loadLayersModel(model)
          const numbers = Float32Array.from({ length: images * side * side * 3 }, (_, i) => Math.sin(i))
          return [
            ...(await loaded.predict(page.tensor4d(numbers, [images, side, side, 3])).data()),
          ] as number[]
        },
        [`/${name}/model.json`, count, size] as const,
      )
      expect(errors).toEqual([])
      expect(features).toHaveLength(wanted.length)
      const difference = Math.max(...features.map((value, i) => Math.abs(value - wanted[i]!)))
      expect(difference).toBeLessThan(1e-4 * Math.max(1, ...wanted.map(Math.abs)))
    } finally {
      await tab.close()
    }
  })
})
