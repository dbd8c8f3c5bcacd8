import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { contactSheet, shapes } from '@selfsup/data'
import { type RunServer, report, serveRuns, writeReport } from '@selfsup/report'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../vitest/temporary-folder.js'
import { chromiumPath } from './chromium.js'
import { metricsLines, type SampleRun, sampleFeatures, writeRun } from './sample-runs.js'

// The report and the served page in a real browser. The screenshots are written to .cache/report, for inspection by a
// person.
const shots = fileURLToPath(new URL('../../.cache/report/', import.meta.url))
const COUNT = 400 // the sample records refer to images below this number
const EVIL = 'cpc <img src=x onerror=alert(1)>'

describe.skipIf(!chromiumPath)('a report in a browser', () => {
  let folder: string
  let runs: string
  const [train, testImages] = [
    shapes({ count: COUNT, size: 16 }),
    shapes({ split: 'test', count: COUNT, size: 16 }),
  ]
  const classes = testImages.classes!
  const features = sampleFeatures(testImages.labels()!, classes)
  const sourcesOf = async () => ({ features, datasets: { train, test: testImages } })
  const run: SampleRun = {
    method: 'simclr',
    backbone: 'resnet18',
    steps: 19_500,
    seed: 1,
    accuracy: 0.884,
    parameters: 11_170_000,
    classes,
    trainFingerprint: train.fingerprint,
    testFingerprint: testImages.fingerprint,
  }
  let browser: Browser
  let server: RunServer | undefined

  beforeAll(async () => {
    folder = temporaryFolder()
    runs = join(folder, 'runs')
    mkdirSync(shots, { recursive: true })
    writeRun(join(runs, 'simclr'), run)
    writeRun(join(runs, 'byol'), {
      ...run,
      method: 'byol',
      seed: 2,
      accuracy: 0.79,
      steps: 9000,
      parameters: 389_000,
    })
    writeRun(join(runs, EVIL), { ...run, method: 'cpc', seed: 3, accuracy: 0.84, steps: 12_000 })
    for await (const { images } of train.batches({ batchSize: 8, limit: 8 }))
      await contactSheet(join(runs, 'simclr', 'pictures', 'views.png'), [images!, images!])
    const options = { sourcesOf, mapPoints: COUNT }
    await writeReport(join(folder, 'one.html'), await report([join(runs, 'simclr')], options))
    const several = ['simclr', 'byol', EVIL].map((name) => join(runs, name))
    const html = await report(several, { ...options, mapPoints: 40 })
    expect(html.replace(/"data:image[^"]*"/g, '""').length).toBeLessThan(500_000)
    await writeReport(join(folder, 'several.html'), html)
    browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  interface View {
    readonly width?: number
    readonly dark?: boolean
  }

  /** Opens a page, and collects its errors and requests. */
  async function open(address: string, { width = 1280, dark = false }: View = {}) {
    const page = await browser.newPage({
      viewport: { width, height: 860 },
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
    })
    const errors: string[] = []
    const requests: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => errors.push(message.text()))
    page.on('dialog', (dialog) => errors.push(`dialog ${dialog.message()}`))
    page.on('request', (request) => requests.push(request.url()))
    await page.goto(address)
    await page.waitForSelector('.chart canvas')
    return { page, errors, remoteRequests: () => requests.filter((url) => !/^(file|data|blob):/.test(url)) }
  }
  const file = (name: string) => pathToFileURL(join(folder, name)).href

  /** Number of colours on each canvas; 1 if nothing was drawn. */
  const colorsOf = (page: Page, selector: string) =>
    page.$$eval(selector, (elements) =>
      elements.map((element) => {
        // biome-ignore lint/suspicious/noExplicitAny: the page's own types are not those of Node
        const canvas = element as any
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
        return new Set(new Uint32Array(data.buffer)).size
      }),
    )

  test('results on training images are marked, apart from the others, and never the best', async () => {
    const both = ['test', 'trained'].map((name) => join(folder, 'apart', name))
    // The second run is worse, but was also evaluated on its training images.
    writeRun(both[0]!, { ...run, steps: 200, accuracy: 0.8 })
    writeRun(both[1]!, { ...run, steps: 200, accuracy: 0.7 })
    writeRun(join(folder, 'apart', 'copy'), {
      ...run,
      steps: 200,
      accuracy: 0.999,
      testFingerprint: run.trainFingerprint!,
    })
    const evaluation = (at: string) => join(at, 'evaluation')
    cpSync(
      join(evaluation(join(folder, 'apart', 'copy')), 'linear-probe.json'),
      join(evaluation(both[1]!), 'linear-probe.0123456789ab.json'),
    )
    await writeReport(join(folder, 'apart.html'), await report(both))
    const { page, errors } = await open(file('apart.html'))
    try {
      const best = await page.$$eval('table.runs td.best', (cells) =>
        cells.map((cell) => [cell.closest('tr')!.querySelector('th')!.textContent, cell.textContent]),
      )
      expect(best.length).toBeGreaterThan(0)
      expect(best.filter(([row]) => row?.includes('trained'))).toEqual([])
      const heads = await page.$$eval('table.runs th', (cells) => cells.map((cell) => cell.textContent))
      expect(heads.filter((text) => text.includes('on the training images'))).toHaveLength(1)
      await page.screenshot({ path: join(shots, 'apart.png'), fullPage: true })
      expect(errors).toEqual([])
    } finally {
      await page.close()
    }
  })

  test.each([
    ['one.html', 'light', {}],
    ['one.html', 'dark', { dark: true }],
    ['several.html', 'light', {}],
    ['several.html', 'phone', { width: 390, dark: true }],
    ['one.html', 'phone', { width: 390 }],
  ])('%s, %s: charts are drawn without requests and errors', async (name, kind, view: View) => {
    const { page, errors, remoteRequests } = await open(file(name), view)
    try {
      const colors = await colorsOf(page, '.chart canvas')
      expect(colors.length).toBeGreaterThan(5)
      expect(Math.min(...colors)).toBeGreaterThan(5)
      expect((await colorsOf(page, '.map canvas'))[0]).toBeGreaterThan(10)
      for (const section of [
        'training',
        'findings',
        'map',
        'neighbours',
        'confusion',
        'clusters',
        'settings',
      ])
        expect(await page.locator(`#${section}`).count(), section).toBe(1)
      const images = await page.$$eval('.neighbours .thumb, .clusters .thumb', (thumbs) => {
        const shown = thumbs.map((thumb) => getComputedStyle(thumb as never).backgroundImage)
        return shown.filter((image) => image.startsWith('url("blob:')).length
      })
      expect(images).toBeGreaterThan(50)
      // biome-ignore lint/suspicious/noExplicitAny: the page's own types are not those of Node
      const wide = await page.evaluate(() => (globalThis as any).document.documentElement.scrollWidth)
      expect(wide).toBeLessThanOrEqual(view.width ?? 1280)
      await page.screenshot({
        path: join(shots, `${name.replace('.html', '')}-${kind}.png`),
        fullPage: true,
      })
      expect(await page.locator('*').count()).toBeLessThan(3000)
      expect(errors).toEqual([])
      expect(remoteRequests()).toEqual([])
    } finally {
      await page.close()
    }
  })

  test('a printed page is light, and hides controls', async () => {
    const { page, errors } = await open(file('one.html'), { dark: true, width: 794 })
    try {
      await page.emulateMedia({ media: 'print' })
      await page.waitForTimeout(200)
      await page.screenshot({ path: join(shots, 'one-print.png'), fullPage: true })
      expect(await page.locator('.theme').isVisible()).toBe(false)
      const background = page.locator('.card').first()
      expect(await background.evaluate((card) => getComputedStyle(card as never).backgroundColor)).toBe(
        'rgb(255, 255, 255)',
      )
      await page.emulateMedia({ media: 'screen' })
      await page.waitForTimeout(200)
      expect(await background.evaluate((card) => getComputedStyle(card as never).backgroundColor)).not.toBe(
        'rgb(255, 255, 255)',
      )
      expect(errors).toEqual([])
    } finally {
      await page.close()
    }
  })

  test('hovering shows values, and thumbnails on the map', async () => {
    const { page, errors } = await open(file('one.html'))
    try {
      const chart = page.locator('.chart .u-over').first()
      await chart.scrollIntoViewIfNeeded()
      await chart.hover({ position: { x: 120, y: 60 } })
      expect(await page.locator('.chart .tip').first().textContent()).toMatch(
        /^step [\d.]+\s?k.*simclr[\d.]+$/,
      )
      await page.screenshot({ path: join(shots, 'hover-chart.png') })

      const map = page.locator('.map')
      await map.scrollIntoViewIfNeeded()
      await map.focus()
      await page.keyboard.press('ArrowRight')
      const place = await page.locator('.map-tip').evaluate((tip) => {
        const { left, top } = getComputedStyle(tip as never)
        return [Number.parseFloat(left), Number.parseFloat(top)] as const
      })
      expect(place.every(Number.isFinite)).toBe(true)
      const thumb = page.locator('.map-tip .thumb')
      expect(await thumb.evaluate((thumb) => getComputedStyle(thumb as never).backgroundImage)).toContain(
        'blob:',
      )
      expect(await thumb.getAttribute('aria-label')).toMatch(/, image \d+$/)
      await page.screenshot({ path: join(shots, 'hover-map.png') })
      await page.getByText('Images instead of dots').click()
      await page.getByRole('button', { name: 'Zoom in' }).click()
      await page.screenshot({ path: join(shots, 'map-images.png') })
      expect(errors).toEqual([])
    } finally {
      await page.close()
    }
  })

  test('keys read curves, zoom, move over the map and open tables', async () => {
    const { page, errors } = await open(file('several.html'))
    try {
      await page.keyboard.press('Tab')
      expect(await page.locator('.skip:focus').count()).toBe(1)
      const plot = page.locator('.plot').first()
      await plot.focus()
      await page.keyboard.press('ArrowRight')
      const spoken = page.locator('.chart [aria-live]').first()
      const first = await spoken.textContent()
      expect(first).toContain('simclr')
      expect(first).toContain(EVIL)
      await page.keyboard.press('Shift+ArrowRight')
      expect(await spoken.textContent()).not.toBe(first)
      await page.keyboard.press('+')
      await page.waitForSelector('.plot .reset')
      await page.keyboard.press('0')
      await page.waitForSelector('.plot .reset', { state: 'detached' })

      const summary = page.locator('.chart summary').first()
      await summary.focus()
      await page.keyboard.press('Enter')
      const rows = page.locator('.chart table').first().locator('tbody tr')
      await rows.nth(24).waitFor() // the table is rendered when it opens
      expect(await rows.count()).toBe(25)

      await page.locator('.map').focus()
      await page.keyboard.press('ArrowRight')
      const before = await page.locator('.map [aria-live]').textContent()
      await page.keyboard.press('ArrowRight')
      expect(await page.locator('.map [aria-live]').textContent()).not.toBe(before)

      await page.locator('#details-of').selectOption({ label: 'byol' })
      expect(await page.locator('tr.focused').textContent()).toContain('byol')
      expect(errors).toEqual([])
    } finally {
      await page.close()
    }
  })

  test('the served page updates without a reload, and tolerates a broken run', async () => {
    const live = join(folder, 'live')
    const going = { ...run, steps: 4000, evaluated: false }
    writeRun(join(live, 'going'), going)
    rmSync(join(live, 'going', 'checkpoints'), { recursive: true })
    writeFileSync(join(live, 'going', 'metrics.jsonl'), metricsLines(0, 1000, going))
    writeFileSync(join(live, 'going', 'lock.json'), '{}')
    server = await serveRuns(live, { port: 0, everyMs: 50, sourcesOf })
    const { page, errors, remoteRequests } = await open(server.url)
    try {
      const steps = page.locator('.card', { hasText: 'Steps' })
      await steps.getByText('running').waitFor()
      expect(await steps.textContent()).toContain('25')
      appendFileSync(join(live, 'going', 'metrics.jsonl'), metricsLines(1000, 3000, going))
      await steps.getByText('3\u202f000 of').waitFor()

      mkdirSync(join(live, 'broken'))
      writeFileSync(join(live, 'broken', 'config.json'), '{"half')
      await page.getByText('unreadable').first().waitFor()
      writeRun(join(live, 'done'), run)
      await page.locator('tr', { hasText: 'done' }).getByText('88.4').waitFor()
      await page.locator('.name', { hasText: 'done' }).click()
      await page.waitForSelector('.map canvas')
      await page.screenshot({ path: join(shots, 'served.png'), fullPage: true })
      rmSync(join(live, 'broken'), { recursive: true })
      await page.getByText('unreadable').first().waitFor({ state: 'detached' })
      expect(errors).toEqual([])
      expect(remoteRequests().every((url) => url.startsWith(server!.url))).toBe(true)
    } finally {
      await page.close()
    }
  })
})
