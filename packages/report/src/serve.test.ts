import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { metricsLines, writeRun } from '../../../tooling/browser/sample-runs.js'
import { LiveRuns } from './live-runs.js'
import { serveRuns } from './serve.js'

const run = {
  method: 'simclr',
  backbone: 'resnet18',
  steps: 400,
  seed: 1,
  accuracy: 0.9,
  parameters: 1234,
  classes: ['a', 'b'],
}
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'selfsup-serve-'))
  writeRun(join(folder, 'runs', 'a'), run)
  mkdirSync(join(folder, 'runs', 'broken'))
  writeFileSync(join(folder, 'runs', 'broken', 'config.json'), '{"half')
  writeFileSync(join(folder, 'secret'), 'secret')
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Requests a path verbatim (`fetch` would normalise it) and returns status and text. */
function ask(url: string, path: string, headers: Record<string, string> = {}, method = 'GET') {
  const { hostname, port } = new URL(url)
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const request = get({ hostname, port, path, headers, method }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode!, text }))
    })
    request.on('error', reject)
  })
}

test('serves its page and rejects all other requests', async () => {
  const parts = { page: { script: '1', style: '' } }
  const server = await serveRuns(join(folder, 'runs'), { port: 0, everyMs: 20, ...parts })
  try {
    expect(server.local).toBe(true)
    expect((await ask(server.url, '/')).text).toContain('<div id="page">')
    for (const path of [
      '/../secret',
      '/%2e%2e/secret',
      '/runs/a/config.json',
      '//x',
      '/details?run=../../secret',
    ])
      expect((await ask(server.url, path)).status).toBe(404)
    expect((await ask(server.url, '/', { host: 'evil.example' })).status).toBe(403)
    expect((await ask(server.url, '/', { host: 'localhost:1' })).status).toBe(200)
    expect((await ask(server.url, '/', {}, 'POST')).status).toBe(405)
    await expect(serveRuns(folder, { port: Number(new URL(server.url).port), ...parts })).rejects.toThrow(
      'is in use',
    )
  } finally {
    await server.close()
  }
  await expect(serveRuns(join(folder, 'nowhere'), parts)).rejects.toThrow('is not a folder')
})

test('sends runs and their updates over the connection', async () => {
  const server = await serveRuns(join(folder, 'runs'), {
    port: 0,
    everyMs: 20,
    page: { script: '', style: '' },
  })
  const stop = new AbortController()
  try {
    const response = await fetch(`${server.url}events?runs=`, { signal: stop.signal })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    const until = async (wanted: RegExp) => {
      while (!wanted.test(text)) text += (await reader.read()).value
    }
    await until(/"name":"broken"[^\n]*"state":"unreadable"/)
    await until(/"name":"a"/)
    text = ''
    writeFileSync(join(folder, 'runs', 'a', 'metrics.jsonl'), metricsLines(0, 200, run))
    await until(/event: summary\ndata: {[^\n]*"name":"a"/)
    text = ''
    rmSync(join(folder, 'runs', 'broken'), { recursive: true })
    await until(/event: gone/)
  } finally {
    stop.abort()
    await server.close()
  }
})

test('a run folder itself is a single run', async () => {
  const seen: string[] = []
  const runs = new LiveRuns(join(folder, 'runs', 'a'), {
    everyMs: 10,
    onChange: (id) => seen.push(id),
    onGone: () => {},
  })
  runs.start()
  while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(runs.views()).toHaveLength(1)
  expect(runs.view(seen[0]!)?.method).toBe('simclr')
  await runs.close()
})
