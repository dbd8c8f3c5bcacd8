import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type { Browser, Page } from 'playwright-core'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
}

/** Serves a folder of files. */
export async function serveFolder(root: string): Promise<{ readonly address: string; close(): void }> {
  const server = createServer(({ url }, response) => {
    const { pathname } = new URL(url!, 'http://site')
    const file = join(root, pathname.endsWith('/') ? `${pathname}index.html` : pathname)
    if (!existsSync(file)) response.writeHead(404).end()
    else
      response
        .setHeader('content-type', types[extname(file)] ?? 'application/octet-stream')
        .end(readFileSync(file))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  }
}

/** A page of the playground, with what went wrong and what it asked the network for. */
export interface OpenedPlayground {
  readonly page: Page
  /** errors and messages on the console */
  readonly errors: string[]
  /** addresses that were requested since the images were chosen */
  readonly requests: string[]
}

/** Opens the playground and waits until it is ready. */
export async function openPlayground(
  browser: Browser,
  address: string,
  query: string,
  { width = 1280, dark = false } = {},
): Promise<OpenedPlayground> {
  const page = await browser.newPage({
    viewport: { width, height: 900 },
    colorScheme: dark ? 'dark' : 'light',
    acceptDownloads: true,
  })
  // Machines that run other tests at the same time take longer than the default of 30 s.
  page.setDefaultTimeout(120_000)
  const errors: string[] = []
  const requests: string[] = []
  page.on('pageerror', ({ message }) => errors.push(message))
  page.on('console', (message) => errors.push(message.text()))
  page.on('dialog', (dialog) => void dialog.accept())
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url())) requests.push(request.url())
  })
  await page.goto(`${address}/?${query}`)
  await page.waitForSelector('#use-drawn[aria-disabled=false]', { timeout: 60_000 })
  requests.length = 0
  return { page, errors, requests }
}

/** Waits until a run has made a number of steps. */
export async function untilStep(page: Page, step: number): Promise<void> {
  const done = `+(document.querySelector('[aria-label=Steps]')?.getAttribute('aria-valuenow') ?? 0) >= ${step}`
  await page.waitForFunction(done, undefined, { timeout: 300_000 })
}
