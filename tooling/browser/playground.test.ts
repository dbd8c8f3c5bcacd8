import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../vitest/temporary-folder.js'
import { accessibilityProblems } from './accessibility.js'
import { chromiumPath } from './chromium.js'
import { openPlayground, serveFolder, untilStep } from './playground.js'

// The playground in a real browser on WebAssembly, with few images and steps. check-playground.ts uses it on all engines, for
// longer. The screenshots are written to .cache/playground, for inspection by a person.
const playground = fileURLToPath(new URL('../../packages/playground/', import.meta.url))
const shots = fileURLToPath(new URL('../../.cache/playground/', import.meta.url))
const QUERY = 'engine=wasm&drawn=32&steps=6'

// A wait that fails must end before the test does, so that its error says what was awaited.
describe.skipIf(!chromiumPath)('the playground', { timeout: 300_000 }, () => {
  let folder: string
  let browser: Browser
  let site: Awaited<ReturnType<typeof serveFolder>>
  beforeAll(async () => {
    folder = temporaryFolder()
    mkdirSync(shots, { recursive: true })
    const vite = join(playground, 'node_modules/vite/bin/vite.js')
    await promisify(execFile)(process.execPath, [vite, 'build', '--outDir', join(folder, 'site')], {
      cwd: playground,
      env: { ...process.env, NODE_ENV: 'production' },
    })
    site = await serveFolder(join(folder, 'site'))
    browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    site?.close()
  })

  const shot = (page: Page, name: string) =>
    page.screenshot({ path: join(shots, `${name}.png`), fullPage: true })

  test('learns, finds, gives its files, and goes on after a reload, without a request', async () => {
    const { page, errors, requests } = await openPlayground(browser, site.address, QUERY)
    await page.click('#use-drawn')
    await page.click('#start')
    await untilStep(page, 2)
    await page.click('#learning .choose button >> nth=3')
    expect(await page.locator('[data-row=Now] .image').count()).toBe(8)
    expect(requests).toEqual([])
    await page.reload()
    await page.waitForSelector('[data-state=finished]')
    await untilStep(page, 6)
    requests.length = 0

    await page.click('#search .choose button >> nth=2')
    await page.waitForSelector('.results')
    expect(await page.locator('.results .image').count()).toBe(24)
    await page.click('#cluster')
    await page.fill('[aria-label="Name of group 1"]', 'first, "best"')
    await page.click('#find-duplicates')
    await page.waitForSelector('#duplicates .good, #duplicates .groups')
    const file = async (what: string) => {
      const began = page.waitForEvent('download')
      began.catch(() => {})
      // By keyboard: the layout may still move, and a click whose button moves between press and release is none.
      await page.press(`#download-${what}`, 'Enter')
      // If no file comes, the page says why.
      const problem = page.waitForSelector('[role=alert]').then(
        async (alert) => Promise.reject(new Error(`${what}: ${await alert.textContent()}`)),
        () => began,
      )
      const download = await Promise.race([began, problem])
      const path = join(folder, download.suggestedFilename())
      await download.saveAs(path)
      return readFileSync(path)
    }
    for (const [what, wanted] of [
      ['backbone', ['model.json', 'weights.bin']],
      ['features', ['features.npy', 'images.csv']],
      [
        'run',
        ['config.json', 'metrics.jsonl', 'checkpoints/step-00000006.safetensors', 'backbone/model.json'],
      ],
    ] as const) {
      const bytes = await file(what)
      expect(bytes.subarray(0, 2).toString()).toBe('PK')
      for (const name of wanted) expect(bytes.includes(name), `${what}: ${name}`).toBe(true)
    }
    expect(await accessibilityProblems(page)).toEqual([])
    await shot(page, 'desktop')
    expect(requests).toEqual([])
    expect(errors).toEqual([])
    await page.close()
  })

  test('is used by keyboard alone, and says what happens', async () => {
    const { page, errors } = await openPlayground(browser, site.address, `engine=wasm&drawn=24&steps=2`)
    /** Moves on by the Tab key until the focus is there; nothing that is focused on the way may be without a mark. */
    const tabTo = async (selector: string) => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab')
        const { there, marked, text } = await page.evaluate(focusOn, selector)
        expect(marked, text).toBe(true)
        if (there) return i + 1
      }
      throw new Error(`${selector} is not within 60 presses of Tab`)
    }
    const use = async (selector: string, key: string) => {
      await tabTo(selector)
      await page.keyboard.press(key)
    }
    const said = (text: string) =>
      page.waitForSelector(`#announcer:has-text("${text}")`, { state: 'attached' })
    const focused = (selector: string) =>
      page.waitForFunction(`document.activeElement.matches('${selector}')`)
    expect(await tabTo('.skip')).toBe(1)
    await page.keyboard.press('Enter')
    await use('#use-drawn', 'Enter')
    await said('24 images of')
    await focused('#images h2')
    await use('input[name=method]', 'ArrowDown')
    await use('#start', 'Enter')
    await focused('#learning h2')
    await said('Learning has finished, step 2 of 2.')
    await use('#search .choose button', 'Space')
    await said('images most similar to')
    await use('#cluster', 'Enter')
    await focused('#cluster') // not lost while the button is disabled
    await said('groups.')
    const name = '[aria-label="Name of group 1"]'
    await tabTo(name)
    await page.keyboard.type('first')
    await use('#find-duplicates', 'Enter')
    await said('near-duplicates')
    await tabTo('#download-features')
    expect(await page.inputValue(name)).toBe('first')
    await page.press('#cluster', 'Enter')
    await page.waitForFunction(`document.querySelector('${name}').value === ''`) // other groups have no names yet
    await page.press('#learning button.quiet', 'Enter') // start over
    await focused('#method h2')
    expect(errors).toEqual([])
    await page.close()
  })

  test('folders without images, with one, and with unreadable ones are explained', async () => {
    const { page, errors } = await openPlayground(browser, site.address, QUERY, { width: 390, dark: true })
    const own = join(folder, 'own')
    mkdirSync(own)
    const problem = () => page.textContent('[role=alert]')
    const choose = () => page.setInputFiles('.drop input[webkitdirectory]', own)
    writeFileSync(join(own, 'notes.txt'), 'no image')
    await choose()
    await page.waitForSelector('[role=alert]')
    expect(await problem()).toContain('There are no images among the one file (own/notes.txt).')
    const image = (red: number) =>
      sharp({ create: { width: 20, height: 30, channels: 3, background: { r: red, g: 90, b: 200 } } }).png()
    await image(9).toFile(join(own, 'a.png'))
    await choose()
    await page.waitForSelector('text=There is only one image')
    for (let i = 0; i < 9; i++) await image(20 * i).toFile(join(own, `${i}.png`))
    writeFileSync(join(own, 'broken.jpg'), 'this is no JPEG')
    await choose()
    await page.waitForSelector('#start')
    expect(await page.textContent('#images')).toContain('10 images of own')
    expect(await page.textContent('#images details')).toContain('broken.jpg: this browser cannot read it')
    expect(await page.textContent('#images .warnings')).toContain('too few')
    // biome-ignore lint/suspicious/noExplicitAny: the page's own types are not those of Node
    const wide = await page.evaluate(() => (globalThis as any).document.documentElement.scrollWidth)
    expect(wide).toBeLessThanOrEqual(390)
    await shot(page, 'phone')
    expect(errors).toEqual([])
    await page.close()
  })
})

/** Runs in the page: whether the focus is at a selector, and whether people see where it is. */
function focusOn(selector: string): { there: boolean; marked: boolean; text: string } {
  // biome-ignore lint/suspicious/noExplicitAny: the page's own types are not those of Node
  const { document, getComputedStyle } = globalThis as any
  const { activeElement: element } = document
  const label = element.closest('label')
  // An input that cannot be seen is marked by its label, a radio button by itself or its label.
  const seen = element.matches('.unseen') ? [label] : [element, label]
  const marked = seen.some((each) => each && getComputedStyle(each).outlineStyle !== 'none')
  return {
    there: element.matches(selector),
    marked: marked || element === document.body,
    text: element.outerHTML.slice(0, 200),
  }
}
