import { setTimeout } from 'node:timers/promises'
import { expected, SelfsupError } from '@selfsup/core'
import { AwsClient } from 'aws4fetch'
import type { ByteSource, ByteSources } from './byte-source.js'
import { forEachLimited } from './limited.js'

/** How patient reading from a server is. */
export interface Patience {
  /** tries in a row that bring no byte, until reading fails; default 6 */
  readonly tries?: number
  /** time without a byte after which a request is repeated, in ms; default 30 seconds */
  readonly stallMs?: number
  /** wait before the second try, in ms; doubles with each further try. Default 500 */
  readonly waitMs?: number
}

/** Requests at the same time while files are opened. */
const AT_A_TIME = 32

/** Longest time that a server can ask to wait, in ms. */
const MOST_WAIT = 60_000

/** Whether a source is the address of a file on a server. */
export function isRemote(source: string): boolean {
  return /^(https?|s3):\/\//.test(source)
}

/** An address without its query and password, which can be secret. Paths are unchanged. */
export function withoutSecrets(source: string): string {
  return isRemote(source) ? source.replace(/\?.*$/s, '').replace(/\/\/[^/@]*@/, '//') : source
}

/**
 * Opens files on a server that supports range requests. Requests that fail, stall or end early are repeated for the bytes that are
 * missing. `s3://bucket/key` is read from `AWS_ENDPOINT_URL` or Amazon S3 in `AWS_REGION`; requests are signed if `AWS_ACCESS_KEY_ID`
 * and `AWS_SECRET_ACCESS_KEY` are set.
 * @throws SelfsupError that names the file that can't be read
 */
export async function openRemote(
  addresses: readonly string[],
  patience: Patience = {},
): Promise<ByteSources> {
  const stop = new AbortController()
  const files: ByteSource[] = []
  await forEachLimited(addresses.length, AT_A_TIME, async (number) => {
    files[number] = await openOne(addresses[number]!, patience, stop.signal)
  })
  return { files, close: async () => stop.abort() }
}

async function openOne(address: string, patience: Patience, signal: AbortSignal): Promise<ByteSource> {
  const path = withoutSecrets(address)
  const request = requestOf(address)
  const first = new Uint8Array(1)
  let facts: { readonly size: number; readonly stamp: string } | undefined
  const read = async (target: Uint8Array, at: number) => {
    let done = 0
    await persistently(path, patience, signal, async (own) => {
      const before = done
      try {
        const range = { start: at + done, end: at + target.length }
        const { chunks, ...found } = await request(range, own.signal, path)
        if (facts && (facts.size !== found.size || facts.stamp !== found.stamp))
          throw new SelfsupError(`${path} was changed after it was opened`, { code: 'download-failed', path })
        facts ??= found
        for await (const chunk of chunks) {
          own.alive()
          if (chunk.length > target.length - done) throw new Error('the server sent more than was requested')
          target.set(chunk, done)
          done += chunk.length
        }
        if (done < target.length) throw new Error(`the answer ended after ${done} of ${target.length} bytes`)
      } catch (error) {
        own.progress = done > before
        // What could be read before is not missing, and its images are not unreadable.
        if (facts && error instanceof SelfsupError && error.code !== 'download-failed')
          throw new SelfsupError(error.problem, { code: 'download-failed', path, cause: error })
        throw error
      }
    })
  }
  await read(first, 0)
  return {
    path,
    ...facts!,
    read: (target, at) => (target.length === 0 ? Promise.resolve() : read(target, at)),
  }
}

interface Range {
  readonly start: number
  /** exclusive */
  readonly end: number
}

/** One try of `persistently`. */
interface Try {
  readonly signal: AbortSignal
  /** whether the try brought something before it failed */
  progress: boolean
  /** restarts the time after which the try counts as stalled */
  alive(): void
}

/** Repeats what fails for a reason that may pass. */
async function persistently(
  path: string,
  { tries = 6, stallMs = 30_000, waitMs = 500 }: Patience,
  closed: AbortSignal,
  work: (own: Try) => Promise<void>,
): Promise<void> {
  for (let failed = 0; ; ) {
    closed.throwIfAborted()
    const stalled = new AbortController()
    const stall = () => stalled.abort(new Error(`no answer for ${stallMs / 1000} s`))
    let timer = globalThis.setTimeout(stall, stallMs)
    const own: Try = {
      signal: AbortSignal.any([closed, stalled.signal]),
      progress: false,
      alive() {
        clearTimeout(timer)
        timer = globalThis.setTimeout(stall, stallMs)
      },
    }
    try {
      await work(own)
      return
    } catch (error) {
      closed.throwIfAborted()
      if (error instanceof SelfsupError) throw error
      failed = own.progress ? 1 : failed + 1
      if (failed >= tries)
        throw new SelfsupError(
          `${path} could not be read: ${tries} tries failed, the last because of: ${reason(error)}`,
          {
            code: 'download-failed',
            path,
            cause: error,
          },
        )
      const asked = error instanceof Unavailable ? error.retryAfterMs : 0
      // Between half and the whole wait, so that many readers don't come back at the same moment.
      const wait = waitMs * 2 ** (failed - 1) * (0.5 + Math.random() / 2)
      await setTimeout(Math.min(MOST_WAIT, Math.max(asked, wait)), undefined, { signal: closed })
    } finally {
      clearTimeout(timer)
    }
  }
}

/** The server can't answer now. */
class Unavailable extends Error {
  constructor(
    message: string,
    readonly retryAfterMs: number,
  ) {
    super(message)
  }
}

interface Answer {
  /** size of the whole file */
  readonly size: number
  readonly stamp: string
  readonly chunks: AsyncIterable<Uint8Array>
}

/** Returns a function that requests a range. It throws SelfsupError for an answer that stays the same when the request is repeated. */
function requestOf(address: string): (range: Range, signal: AbortSignal, path: string) => Promise<Answer> {
  const { url, headers, client } = locate(address)
  return async ({ start, end }, signal, path) => {
    // Compressed, the bytes would be others.
    const wanted = { ...headers, range: `bytes=${start}-${end - 1}`, 'accept-encoding': 'identity' }
    const response = client
      ? await fetch(await client.sign(url, { headers: wanted }), { signal })
      : await fetch(url, { headers: wanted, signal })
    const { status } = response
    if (status !== 206) await response.body?.cancel()
    if (status === 408 || status === 425 || status === 429 || status >= 500) {
      const seconds = Number(response.headers.get('retry-after'))
      throw new Unavailable(`the server answered ${status}`, seconds > 0 ? 1000 * seconds : 0)
    }
    expected(status !== 200, `${path}: the server does not support range requests`, {
      code: 'unsupported',
      path,
    })
    expected(status === 206, `${path} could not be read: the server answered ${status}`, {
      code: status === 404 || status === 410 ? 'not-found' : 'download-failed',
      path,
    })
    const [, from, to, size] =
      /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? []
    if (Number(from) !== start || Number(to) !== end - 1 || !response.body) {
      await response.body?.cancel()
      throw new SelfsupError(
        `${path}: requested bytes ${start} to ${end - 1}, the server sent '${response.headers.get('content-range')}'`,
        { code: 'download-failed', path },
      )
    }
    const stamp = response.headers.get('etag') ?? response.headers.get('last-modified') ?? ''
    // Streams of Node can be iterated; the DOM's types do not know.
    return { size: Number(size), stamp, chunks: response.body as unknown as AsyncIterable<Uint8Array> }
  }
}

interface Location {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** signs requests to S3 */
  readonly client?: AwsClient
}

/** The address to request, and how. */
function locate(address: string, env: NodeJS.ProcessEnv = process.env): Location {
  if (!address.startsWith('s3://')) {
    const url = new URL(address)
    const { username, password } = url
    if (!username && !password) return { url: address, headers: {} }
    url.username = ''
    url.password = ''
    const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString(
      'base64',
    )
    return { url: url.href, headers: { authorization: `Basic ${basic}` } }
  }
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(address) ?? []
  expected(bucket && key, `${address}: expected s3://bucket/key`)
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1'
  const endpoint = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL
  const path = key.split('/').map(encodeURIComponent).join('/')
  const url = endpoint
    ? `${endpoint.replace(/\/$/, '')}/${bucket}/${path}`
    : bucket.includes('.')
      ? `https://s3.${region}.amazonaws.com/${bucket}/${path}`
      : `https://${bucket}.s3.${region}.amazonaws.com/${path}`
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env
  if (!accessKeyId || !secretAccessKey) return { url, headers: {} }
  const token = sessionToken ? { sessionToken } : {}
  return {
    url,
    headers: {},
    client: new AwsClient({ accessKeyId, secretAccessKey, ...token, service: 's3', region }),
  }
}

function reason(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error && cause.message ? `${message}: ${cause.message}` : message
}
