import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SelfsupError } from '@selfsup/core'
import { detailsOf } from './details.js'
import { type PageParts, pageParts, renderPage } from './html.js'
import { LiveRuns } from './live-runs.js'
import type { EmbeddingMap, RunDetails, RunView } from './page-data.js'
import type { SourcesOf } from './report.js'
import { summaryOf } from './run-reader.js'

export interface ServeOptions {
  /** 0 selects a free port; default 6070 */
  readonly port?: number
  /** address to listen on; default 127.0.0.1, which only this machine can reach */
  readonly host?: string
  /** interval between checks of the folders, in ms; default 2000 */
  readonly everyMs?: number
  readonly mapPoints?: number
  readonly sourcesOf?: SourcesOf
  /** script and style sheet of the page; default: those of this package */
  readonly page?: PageParts
}

export interface RunServer {
  /** URL to open in a browser */
  readonly url: string
  /** whether only this machine can reach it */
  readonly local: boolean
  close(): Promise<void>
}

/** Number of runs whose details are cached. */
const MOST_DETAILS = 8
/** Connections with more unread data are closed; the page reconnects when it is active again. */
const MOST_UNREAD_BYTES = 2 ** 25
const HEARTBEAT_MS = 15_000

/**
 * Serves a page that follows all runs in and below a folder. URLs contain ids of runs, never paths, so that no other file can
 * be requested.
 * @throws SelfsupError if the folder does not exist or the port is in use
 */
export async function serveRuns(folder: string, options: ServeOptions = {}): Promise<RunServer> {
  const { port = 6070, host = '127.0.0.1', everyMs = 2000 } = options
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw new SelfsupError(`${folder} is not a folder`, { fix: 'name the folder that contains your runs' })
  const parts = options.page ?? (await pageParts())
  const stop = new AbortController()
  const listeners = new Set<Listener>()
  const runs = new LiveRuns(folder, {
    everyMs,
    onChange(id) {
      const view = listeners.size > 0 ? runs.view(id) : undefined
      for (const listener of listeners) if (view) listener.tell(view)
    },
    onGone(id) {
      for (const listener of listeners) listener.send('gone', { id })
    },
  })
  const details = detailsMaker(options, stop.signal)
  const local = isLocal(host)

  const server = createServer((request, response) => {
    answer(request, response).catch(() => {
      if (response.headersSent) response.destroy()
      else response.writeHead(500).end()
    })
  })
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = refusalOf(request, local)
    if (refusal) return void response.writeHead(refusal).end()
    const [pathname, query] = (request.url ?? '/').split('?')
    const searchParams = new URLSearchParams(query)
    if (pathname === '/') sendPage(response, folder, runs, parts)
    else if (pathname === '/events') listen(response, (searchParams.get('runs') ?? '').split(','))
    else if (pathname === '/details') {
      const view = runs.view(searchParams.get('run') ?? '')
      if (!view) return void response.writeHead(404).end()
      const made = JSON.stringify(await details(view))
      response.writeHead(200, headers('application/json')).end(made)
    } else response.writeHead(404).end()
  }
  function listen(response: ServerResponse, wanted: readonly string[]): void {
    response.writeHead(200, headers('text/event-stream'))
    const listener = listenerOf(response, new Set(wanted), () => listeners.delete(listener))
    listeners.add(listener)
    const views = runs.views()
    listener.send('all', views.map(summaryOf))
    for (const view of views) if (wanted.includes(view.id)) listener.send('run', view)
  }

  await new Promise<void>((ready, failed) => {
    server.once('error', (error: NodeJS.ErrnoException) => failed(listenFailure(error, host, port)))
    server.listen(port, host, ready)
  })
  runs.start()
  const { port: taken } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}/`,
    local,
    async close() {
      stop.abort()
      for (const listener of listeners) listener.end()
      server.closeAllConnections()
      await Promise.all([runs.close(), new Promise((closed) => server.close(closed))])
    },
  }
}

function sendPage(response: ServerResponse, folder: string, runs: LiveRuns, parts: PageParts): void {
  const data = { title: `Runs in ${folder}`, made: Date.now(), live: true, runs: runs.views().map(summaryOf) }
  response.writeHead(200, headers('text/html; charset=utf-8')).end(renderPage(data, parts))
}

function headers(type: string): Record<string, string> {
  return {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
  }
}

/** HTTP status if a request is rejected. The host is checked because another site's name may resolve to this machine (DNS rebinding). */
function refusalOf({ method, headers: { host = '' } }: IncomingMessage, local: boolean): number | undefined {
  if (method !== 'GET') return 405
  if (local && !isLocal(host.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''))) return 403
  return undefined
}

function isLocal(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host)
}

function listenFailure({ code, message }: NodeJS.ErrnoException, host: string, port: number): SelfsupError {
  if (code === 'EADDRINUSE')
    return new SelfsupError(`port ${port} is in use, perhaps by another run server`, {
      code: 'port-in-use',
      fix: 'choose another port',
    })
  if (code === 'EACCES')
    return new SelfsupError(`no permission to listen on port ${port}`, { fix: 'choose a port above 1023' })
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new SelfsupError(`${host} is not an address of this machine`, { fix: 'choose another host' })
  return new SelfsupError(`can't listen on ${host}:${port}: ${message}`)
}

/** A page that is connected. */
interface Listener {
  send(event: string, data: unknown): void
  /** sends the whole run if the page shows it, otherwise a summary */
  tell(view: RunView): void
  end(): void
}

function listenerOf(response: ServerResponse, wanted: ReadonlySet<string>, gone: () => void): Listener {
  const beat = setInterval(() => response.write(': here\n\n'), HEARTBEAT_MS)
  response.on('close', () => {
    clearInterval(beat)
    gone()
  })
  response.on('error', () => {})
  const listener: Listener = {
    send(event, data) {
      response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
      if (response.writableLength > MOST_UNREAD_BYTES) response.destroy()
    },
    tell(view) {
      if (wanted.has(view.id)) listener.send('run', view)
      else listener.send('summary', summaryOf(view))
    },
    end: () => response.end(),
  }
  return listener
}

/** Computes the details of one run at a time, and caches those of the last few. */
function detailsMaker({ sourcesOf, mapPoints }: ServeOptions, signal: AbortSignal) {
  const made = new Map<string, Promise<RunDetails>>()
  const maps = new Map<string, EmbeddingMap>()
  let turn: Promise<unknown> = Promise.resolve()
  const make = async (view: RunView): Promise<RunDetails> => {
    const sources = (await sourcesOf?.(view)) ?? { datasets: {} }
    // New images are saved with every checkpoint; the map only changes when its features are extracted again.
    const features = JSON.stringify([view.id, view.evaluations.map(({ features }) => features?.test)])
    const details = await detailsOf(view, sources, { points: mapPoints, map: maps.get(features), signal })
    if (details.map) keep(maps, features, details.map)
    return details
  }
  return (view: RunView): Promise<RunDetails> => {
    const key = `${view.id} ${view.stamp}`
    const known = made.get(key)
    if (known) return known
    const details = turn.then(() => make(view))
    turn = details.catch(() => {})
    keep(made, key, details)
    details.catch(() => made.delete(key))
    return details
  }
}

/** Adds a value to a cache and removes the oldest ones. */
function keep<T>(kept: Map<string, T>, key: string, value: T): void {
  kept.set(key, value)
  for (const old of kept.keys()) if (kept.size > MOST_DETAILS) kept.delete(old)
}
