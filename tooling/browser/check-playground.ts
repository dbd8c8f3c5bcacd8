import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import sharp from 'sharp'
import { accessibilityProblems } from './accessibility.js'
import { chromiumPath } from './chromium.js'
import { type OpenedPlayground, openPlayground, serveFolder, untilStep } from './playground.js'

// Uses the built playground in Chromium on each engine, and with 10,000 images, and reports what it took:
// pnpm playground:check [wasm | webgpu | cpu | many ...]. It ends with 1 if something is wrong.
const dist = fileURLToPath(new URL('../../packages/playground/dist', import.meta.url))
const cache = fileURLToPath(new URL('../../.cache/playground/', import.meta.url))
mkdirSync(cache, { recursive: true })
const wanted = process.argv.slice(2)
const flags = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
]
/** Each step may take this long, on a busy machine too. */
const options = { timeout: 600_000 }
/** Images that are dropped, and their side in pixels. */
const MANY = 10_000
const SIDE = 48

let wrong = 0
const expected = (holds: boolean, what: string) => {
  if (holds) return
  wrong++
  console.log(`WRONG: ${what}`)
}

/** Prints what happened and when. */
function stopwatch(title: string) {
  const started = performance.now()
  return (what: string) =>
    console.log(`${title}: ${what} after ${((performance.now() - started) / 1000).toFixed(1)} s`)
}

const shot = (page: Page, name: string) =>
  page.screenshot({ path: join(cache, `${name}.png`), fullPage: true })

/** The part of neighbours of the same kind, in percent, before the first step and now. */
async function sameKind(page: Page): Promise<string> {
  return (await page.locator('#same-kind').textContent()) ?? 'unknown'
}

async function check(opened: OpenedPlayground, title: string): Promise<void> {
  const { page, errors, requests } = opened
  const long = await longTasks(page)
  console.log(`${title}: tasks of the main thread over 50 ms: ${long.join(', ') || 'none'}`)
  for (const problem of await accessibilityProblems(page)) expected(false, `${title}: ${problem}`)
  await page.waitForTimeout(200)
  expected(requests.length === 0, `${title}: ${requests.length} requests: ${requests.slice(0, 3).join(' ')}`)
  expected(errors.length === 0, `${title}: messages: ${errors.join(' | ')}`)
}

const MARK = 'selfsup-page'
/** Names the page's thread in the trace. */
const watchTasks = async (page: Page) => {
  await browser.startTracing(undefined, { categories: ['toplevel', 'blink.user_timing'] })
  await page.evaluate(`performance.mark('${MARK}')`)
}

interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** processor time in microseconds */
  readonly tdur?: number
}

/**
 * Tasks of the page's main thread over 50 ms since `watchTasks`, in milliseconds of processor time. The browser's own measure is elapsed time,
 * which other programs lengthen.
 */
async function longTasks(page: Page): Promise<number[]> {
  await page.evaluate(`performance.mark('${MARK}')`)
  const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as { traceEvents: TraceEvent[] }
  const mark = traceEvents.find(({ name }) => name === MARK)
  const tasks = traceEvents.filter(
    ({ name, pid, tid }) => name.endsWith('RunTask') && pid === mark?.pid && tid === mark.tid,
  )
  if (tasks.length === 0) throw new Error('the trace has no task of the page')
  return tasks.map(({ tdur = 0 }) => Math.round(tdur / 1000)).filter((ms) => ms > 50)
}

/** Learns, searches, groups, downloads and reloads. */
async function use(browser: Browser, address: string, engine: string): Promise<void> {
  const query = engine === 'wasm' ? '&steps=100' : '&drawn=32&steps=4'
  const opened = await openPlayground(browser, address, `engine=${engine}${query}`)
  const { page, requests } = opened
  const lap = stopwatch(engine)
  lap((await page.getAttribute('.engine', 'title')) ?? '')
  await watchTasks(page)
  await page.click('#use-drawn', options)
  await page.waitForSelector('#start', options)
  await check(opened, `${engine}, before`)
  await watchTasks(page)
  if (engine !== 'wasm') await page.check('input[name=network] >> nth=0', options)
  await page.click('#start', options)
  await untilStep(page, 1)
  lap('first step')
  if (engine === 'wasm') {
    await untilStep(page, 20)
    await check(opened, `${engine}, learning`)
    for (const at of [30, 60]) {
      await untilStep(page, at)
      lap(`${at} steps (${await sameKind(page)})`)
    }
    await shot(page, 'wasm-learning')
  }
  await page.click('#pause')
  await page.click('#continue', options)
  await page.waitForSelector('[data-state=finished]', options)
  lap(`finished (${await sameKind(page)})`)
  if (engine !== 'wasm') await check(opened, `${engine}, learning`) // a few steps, which would be over before a check ended
  await watchTasks(page)
  await page.click('#search .choose button >> nth=2')
  await page.waitForSelector('.results', options)
  lap('search')
  await page.click('#cluster')
  await page.waitForSelector('#clusters .groups', options)
  await page.click('#find-duplicates')
  await page.waitForSelector('#duplicates .good, #duplicates .groups', options)
  lap('groups and duplicates')
  const [download] = await Promise.all([
    page.waitForEvent('download', options),
    page.click('#download-backbone'),
  ])
  lap(`download of ${download.suggestedFilename()}`)
  await page.waitForTimeout(2000)
  await check(opened, `${engine}, in use`)
  await shot(page, `${engine}-finished`)
  await page.emulateMedia({ colorScheme: 'dark' })
  for (const problem of await accessibilityProblems(page)) expected(false, `${engine}, dark: ${problem}`)
  await page.setViewportSize({ width: 390, height: 844 })
  await shot(page, `${engine}-phone-dark`)
  await page.reload()
  await page.waitForSelector('[data-state=finished]', options)
  lap('reloaded, everything there')
  requests.length = 0
  await page.close()
}

/** Drops many images. */
async function many(browser: Browser, address: string): Promise<void> {
  const folder = join(cache, `images-${MANY}`)
  if (!existsSync(join(folder, `${MANY - 1}.jpg`))) await drawMany(folder)
  const opened = await openPlayground(browser, address, 'engine=wasm&steps=2')
  const { page } = opened
  const lap = stopwatch(`${MANY} images`)
  // The browser itself lists the files in one long task; what the page does with them is measured apart.
  await page.evaluate(`
    const { postMessage } = Worker.prototype
    Worker.prototype.postMessage = function (...args) {
      const started = performance.now()
      postMessage.apply(this, args)
      globalThis.handled = Math.max(globalThis.handled ?? 0, Math.round(performance.now() - started))
    }
  `)
  await watchTasks(page)
  await page.setInputFiles('.drop input[webkitdirectory]', folder)
  lap('chosen')
  await page.waitForSelector('#start', options)
  lap(`given to the worker in parts, which took ${await page.evaluate('globalThis.handled')} ms at most`)
  lap(((await page.textContent('#images')) ?? '').match(/[\d,]+ images/)?.[0] ?? '')
  await page.check('input[name=network] >> nth=0', options)
  await page.click('#start', options)
  await page.waitForSelector('[data-state=finished]', options)
  lap('two steps')
  await page.click('#search .choose button >> nth=2')
  await page.waitForSelector('.results', options)
  lap('search among all')
  await check(opened, `${MANY} images`)
  await shot(page, 'many')
  await page.close()
}

/** Small JPEGs, no two the same. */
async function drawMany(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const data = Buffer.alloc(SIDE * SIDE * 3)
  for (let number = 0; number < MANY; number++) {
    for (let i = 0; i < data.length; i++) data[i] = (i * (1 + (number % 97)) + 31 * (number >> 3)) & 255
    const image = sharp(data, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    writeFileSync(join(folder, `${number}.jpg`), await image.jpeg({ quality: 60 }).toBuffer())
  }
}

const site = await serveFolder(dist)
const browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
for (const what of wanted.length > 0 ? wanted : ['wasm', 'webgpu', 'cpu', 'many']) {
  if (what === 'many') await many(browser, site.address)
  else await use(browser, site.address, what)
}
await browser.close()
site.close()
process.exitCode = wrong > 0 ? 1 : 0
