import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { chromiumPath } from './chromium.js'
import { openPlayground, serveFolder, untilStep } from './playground.js'

// Uses the built playground in Chromium on each engine and reports what it took: pnpm playground:check [engine ...]
const dist = fileURLToPath(new URL('../../packages/playground/dist', import.meta.url))
const shots = fileURLToPath(new URL('../../.cache/playground/', import.meta.url))
mkdirSync(shots, { recursive: true })
const engines = process.argv.slice(2)
const flags = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
]
const site = await serveFolder(dist)
const browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
const options = { timeout: 300_000 }
for (const engine of engines.length > 0 ? engines : ['wasm', 'webgpu', 'cpu']) {
  const [steps, shapes] = engine === 'wasm' ? [120, 600] : [4, 32]
  const { page, errors, requests, longTasks } = await openPlayground(
    browser,
    site.address,
    `engine=${engine}&shapes=${shapes}&steps=${steps}`,
  )
  const started = performance.now()
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1)
  const lap = (what: string) => console.log(`${engine}: ${what} after ${seconds()} s`)
  const shot = (name: string) => page.screenshot({ path: `${shots}/${engine}-${name}.png`, fullPage: true })
  lap((await page.getAttribute('.engine', 'title')) ?? '')
  await page.click('#use-shapes', options)
  await page.check('input[name=network] >> nth=0', options)
  await page.click('#start', options)
  await untilStep(page, 1)
  lap('first step')
  await untilStep(page, Math.floor(steps / 2))
  lap(`${Math.floor(steps / 2)} steps`)
  await shot('learning')
  await page.click('#pause')
  await page.click('#continue', options)
  await page.waitForSelector('[data-state=finished]', options)
  lap('finished')
  await page.click('#search .choose button >> nth=2')
  await page.waitForSelector('.results', options)
  lap('search')
  await page.click('#cluster')
  await page.waitForSelector('#clusters .groups', options)
  await page.click('#find-duplicates')
  await page.waitForSelector('#duplicates .good, #duplicates .groups', options)
  lap('groups and duplicates')
  await page.waitForTimeout(4000)
  await shot('finished')
  console.log(`${engine}: tasks of the main thread over 50 ms: ${(await longTasks()).join(', ') || 'none'}`)
  console.log(`${engine}: requests: ${requests.length}; messages: ${errors.join(' | ') || 'none'}`)
  await page.close()
}
await browser.close()
site.close()
