import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath } from '../tooling/browser/chromium.js'
import { docs } from './site/repository.js'

// The site as it is published, but for the API pages, of which two packages' are enough here, and without minifying.
const out = mkdtempSync(join(tmpdir(), 'selfsup-docs-'))
const stage = join(docs, '.site-test')

beforeAll(async () => {
  const args = ['--import', 'tsx', 'build.ts', '--api', 'losses,optim', '--stage', stage, '--out', out]
  const env = { ...process.env, TSX_DISABLE_CACHE: '1', NODE_ENV: 'production', DOCS_QUICK: '1' }
  await promisify(execFile)(process.execPath, args, { cwd: docs, env })
}, 300_000)
afterAll(() => {
  for (const folder of [out, stage]) rmSync(folder, { recursive: true, force: true })
})

/** All pages by path: '/guide/faq.html'. */
function pages(): Map<string, string> {
  const files = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.html'),
  )
  return new Map(files.map((file) => [`/${file}`, readFileSync(join(out, file), 'utf8')]))
}

test('every internal link leads to a page, and every anchor to a heading', () => {
  const all = pages()
  expect(all.size).toBeGreaterThan(50)
  const broken: string[] = []
  let links = 0
  for (const [path, html] of all) {
    for (const [, href] of html.matchAll(/<a[^>]* href="([^"]+)"/g)) {
      if (/^[a-z]+:/.test(href!)) continue
      links++
      const { pathname, hash } = new URL(href!, `http://site${path}`)
      const target = pathname.endsWith('/') ? `${pathname}index.html` : pathname
      const linked = all.get(target) ?? all.get(`${target}.html`)
      const anchor = decodeURIComponent(hash.slice(1))
      if (
        linked === undefined ? !existsSync(join(out, target)) : anchor && !linked.includes(` id="${anchor}"`)
      )
        broken.push(`${path}: ${href}`)
    }
  }
  expect(broken).toEqual([])
  expect(links).toBeGreaterThan(1000)
})

test('pages show formulas, generated options and results', () => {
  const html = pages().get('/methods/simclr.html')!
  expect(html).toContain('<math')
  expect(html).toContain('<code>temperature</code>')
  expect(html).toContain('simclr: linear probe')
  expect(html).not.toMatch(/&lt;!-- |katex-error/)
})

test('nothing is loaded from elsewhere', () => {
  for (const html of pages().values())
    expect(html.match(/<(?:script|link|img|iframe)[^>]* (?:src|href)="(?:https?:)?\/\/[^"]*"/g)).toBeNull()
})

describe.skipIf(!chromiumPath)('the site in a browser', () => {
  let browser: Browser
  let server: Server
  let origin: string
  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = new URL(request.url!, 'http://site').pathname
      const file = join(out, path.endsWith('/') ? `${path}index.html` : path)
      if (!file.startsWith(out) || !existsSync(file) || !statSync(file).isFile())
        response.writeHead(404).end()
      else response.writeHead(200, { 'content-type': typeOf(file) }).end(readFileSync(file))
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  /** Opens a page, and collects what it complains of and what it requests from elsewhere. */
  async function open(path: string, { width = 1280, dark = false } = {}) {
    const page = await browser.newPage({
      viewport: { width, height: 860 },
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
    })
    const complaints: string[] = []
    const elsewhere: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => message.type() !== 'log' && complaints.push(message.text()))
    page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`))
    page.on(
      'response',
      (response) => response.ok() || complaints.push(`${response.status()} ${response.url()}`),
    )
    page.on('request', (request) => request.url().startsWith(origin) || elsewhere.push(request.url()))
    await page.goto(`${origin}${path}`, { waitUntil: 'networkidle' })
    return { page, complaints, elsewhere }
  }
  const background = (page: Page) =>
    page.$eval('body', (body) => {
      // biome-ignore lint/suspicious/noExplicitAny: the page's own functions are not those of Node
      const color: string = (globalThis as any).getComputedStyle(body).backgroundColor
      return Math.max(...color.match(/\d+/g)!.slice(0, 3).map(Number))
    })

  test.each([
    ['/index.html', { dark: false }],
    ['/methods/simclr.html', { dark: true }],
    ['/guide/getting-started.html', { width: 375 }],
    ['/methods/metric-learning.html', { width: 375, dark: true }],
    ['/api/losses.html', { width: 375 }],
    ['/benchmarks.html', { width: 375 }],
  ])('%s %j: no complaints, nothing from elsewhere, no sideways scrolling', async (path, view) => {
    const { page, complaints, elsewhere } = await open(path, view)
    try {
      expect(complaints).toEqual([])
      expect(elsewhere).toEqual([])
      const [content, shown] = await page.$eval('html', (root) => {
        // biome-ignore lint/suspicious/noExplicitAny: the page's own types are not those of Node
        const { scrollWidth, clientWidth } = root as any
        return [scrollWidth as number, clientWidth as number]
      })
      expect(content).toBeLessThanOrEqual(shown!)
      const light = await background(page)
      if ('dark' in view && view.dark) expect(light).toBeLessThan(64)
      else expect(light).toBeGreaterThan(192)
    } finally {
      await page.close()
    }
  })

  test('search finds SimCLR and opens its page', async () => {
    const { page, complaints, elsewhere } = await open('/guide/faq.html')
    try {
      await page.keyboard.press('Control+k')
      await page.waitForSelector('.VPLocalSearchBox input')
      await page.keyboard.type('SimCLR')
      const found = page.locator('.VPLocalSearchBox .result', { hasText: 'SimCLR' })
      await found.first().waitFor()
      const links = await found.evaluateAll((results) => results.map((result) => result.getAttribute('href')))
      expect(links.some((link) => link?.startsWith('/methods/simclr.html'))).toBe(true)
      await page.locator('.VPLocalSearchBox .result[href^="/methods/simclr.html"]').first().click()
      await page.waitForURL(/methods\/simclr/)
      expect(await page.locator('h1').first().textContent()).toContain('SimCLR')
      expect([complaints, elsewhere]).toEqual([[], []])
    } finally {
      await page.close()
    }
  })
})

function typeOf(file: string): string {
  const types: Record<string, string> = {
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript',
    '.css': 'text/css',
    '.svg': 'image/svg+xml',
    '.png': 'image/png',
    '.json': 'application/json',
  }
  return types[extname(file)] ?? 'application/octet-stream'
}
