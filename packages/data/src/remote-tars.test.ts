import { readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { HostBatch, ImageDataset } from '@selfsup/core'
import sharp from 'sharp'
import { Header } from 'tar/header'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { openFiles, windowed } from './byte-source.js'
import { openRemote } from './http-source.js'
import { loadAhead } from './load-ahead.js'
import { openImages } from './open-images.js'
import { indexTars } from './tar-index.js'

// Tars on disk and on a server that fails, stalls and truncates.

/** What the server does with the next requests; then it answers. */
type Fault = 'fail' | 'drop' | 'truncate' | 'stall' | 'nonsense'
let faults: Fault[] = []
let requests: { url: string; range: string; authorization?: string }[] = []
let etag = '"1"'
let ranges = true
const patience = { tries: 3, stallMs: 1500, waitMs: 2 } // a busy machine answers within that

const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
  const { url = '', headers } = request
  const { range = '', authorization } = headers
  requests.push({ url, range, ...(authorization && { authorization }) })
  const bytes = await readFile(join(folder, url.split('/').at(-1)!.replace(/\?.*/, ''))).catch(
    () => undefined,
  )
  if (!bytes) return response.writeHead(404).end()
  if (!ranges) return response.writeHead(200).end(bytes)
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range)!
  const part = bytes.subarray(Number(start), Number(end) + 1)
  const fault = faults.shift()
  if (fault === 'fail') return response.writeHead(503, { 'retry-after': '0' }).end('later')
  if (fault === 'drop') return request.socket.destroy()
  const from = fault === 'nonsense' ? 7 : start
  response.writeHead(206, {
    'content-range': `bytes ${from}-${end}/${bytes.length}`,
    'content-length': part.length,
    etag,
  })
  if (fault === 'truncate') {
    response.write(part.subarray(0, part.length >> 1))
    return setTimeout(() => request.socket.destroy(), 10)
  }
  if (fault === 'stall') return response.write(part.subarray(0, 1))
  return response.end(part)
})
let folder = ''
let address: string

/** Two shards of five images of different sizes, with classes. */
beforeAll(async () => {
  folder = temporaryFolder()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  for (const shard of [0, 1]) {
    const parts: Buffer[] = []
    const add = (path: string, content: Buffer) => {
      const head = Buffer.alloc(512)
      new Header({ path, size: content.length, type: 'File', mode: 0o644 }).encode(head)
      parts.push(head, content, Buffer.alloc((512 - (content.length % 512)) % 512))
    }
    for (let image = 0; image < 5; image++) {
      const [width, height] = [100 + image, 110 - shard]
      const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const
      const created = sharp({ create: { width, height, channels: 3, background: 'red', noise } })
      add(`n${shard}${image}.jpg`, await created.jpeg().toBuffer())
      add(`n${shard}${image}.cls`, Buffer.from(String(image % 2)))
    }
    await writeFile(join(folder, `t-${shard}.tar`), Buffer.concat([...parts, Buffer.alloc(1024)]))
  }
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const local = () => join(folder, 't-{0..1}.tar')
const cacheFolder = () => join(folder, 'cache')
async function collect(dataset: ImageDataset, startBatch = 0): Promise<HostBatch[]> {
  const batches: HostBatch[] = []
  const pass = { batchSize: 3, size: 32, shuffle: [1, 2], startBatch } as const
  for await (const batch of dataset.batches(pass)) batches.push(batch)
  return batches
}

describe('a server', () => {
  test('gives the images, classes and order of the same tars on disk, also from the middle of a pass', async () => {
    const onDisk = await openImages(local(), { cacheFolder: cacheFolder() })
    const wanted = await collect(onDisk)
    faults = ['fail', 'drop']
    const remote = await openImages(`${address}/t-{0..1}.tar?key=secret`, { cacheFolder: cacheFolder() })
    expect(faults).toEqual([])
    faults = ['truncate']
    expect(await collect(remote)).toEqual(wanted)
    // The list of images is saved: opening needs one request for each tar, not one for each image.
    requests = []
    const again = await openImages(`${address}/t-{0..1}.tar?key=secret`, { cacheFolder: cacheFolder() })
    expect(requests.map(({ range }) => range).filter((range) => range === 'bytes=0-0')).toHaveLength(2)
    expect(await collect(again, 2)).toEqual(wanted.slice(2))
    expect(again.fingerprint).toBe(remote.fingerprint)
    expect(again.pathOf!(6)).toBe(`${address}/t-1.tar:n11.jpg`)
    expect(again.name).not.toContain('secret')
    // An image that the server does not deliver is not an unreadable image: the pass ends with the error.
    const tar = join(folder, 't-1.tar')
    await rename(tar, `${tar}.away`)
    await expect(collect(again)).rejects.toMatchObject({ code: 'download-failed' })
    await expect(openImages(`${address}/t-{0..1}.tar`)).rejects.toMatchObject({ code: 'not-found' })
    await rename(`${tar}.away`, tar)
    expect(again.skipped()).toEqual([])
    for (const dataset of [onDisk, remote, again]) await dataset.close()
  })

  test('may fail, drop the connection, truncate and stall', async () => {
    const bytes = await readFile(join(folder, 't-0.tar'))
    const { files, close } = await openRemote([`${address}/t-0.tar`], patience)
    const target = new Uint8Array(5000)
    // Each answer brings some bytes, so there are more faults than tries.
    for (const some of [
      ['fail', 'drop'],
      ['truncate', 'stall', 'truncate', 'stall', 'truncate'],
      [],
    ] as Fault[][]) {
      faults = [...some]
      requests = []
      await files[0]!.read(target.fill(0), 300)
      expect(Buffer.from(target).equals(bytes.subarray(300, 5300))).toBe(true)
      expect(requests).toHaveLength(some.length + 1)
    }
    // Only the missing bytes are requested again.
    faults = ['truncate']
    requests = []
    await files[0]!.read(target, 300)
    expect(requests.map(({ range }) => range)).toEqual(['bytes=300-5299', 'bytes=2800-5299'])
    await close()
  })

  test('that stays unusable is an error, not a loop', async () => {
    const { files, close } = await openRemote([`${address}/t-0.tar?key=secret`], patience)
    const read = () => files[0]!.read(new Uint8Array(10), 0)
    faults = Array(3).fill('fail')
    await expect(read()).rejects.toThrow(
      't-0.tar could not be read: 3 tries failed, the last because of: the server answered 503',
    )
    faults = ['nonsense']
    await expect(read()).rejects.toThrow("requested bytes 0 to 9, the server sent 'bytes 7-9/")
    etag = '"2"'
    await expect(read()).rejects.toMatchObject({ code: 'download-failed', path: `${address}/t-0.tar` })
    etag = '"1"'
    await close()
    await expect(read()).rejects.toThrow('aborted')
    await expect(openRemote([`${address}/none.tar`], patience)).rejects.toMatchObject({ code: 'not-found' })
    ranges = false
    await expect(openRemote([`${address}/t-0.tar`], patience)).rejects.toThrow(
      'does not support range requests',
    )
    ranges = true
    await expect(openImages(`${address}/images`)).rejects.toThrow('only tars can be read from a server')
  })

  test('of S3 gets signed requests if there are keys, and passwords of addresses', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', address)
    await (await openRemote(['s3://bucket/a folder/t-0.tar'], patience)).close()
    expect(requests.at(-1)).toEqual({ url: '/bucket/a%20folder/t-0.tar', range: 'bytes=0-0' })
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKID')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'hidden')
    vi.stubEnv('AWS_REGION', 'eu-west-1')
    await (await openRemote(['s3://bucket/t-0.tar'], patience)).close()
    expect(requests.at(-1)!.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-west-1\/s3\/aws4_request, SignedHeaders=.*host.*, Signature=[0-9a-f]{64}$/,
    )
    vi.unstubAllEnvs()
    const { files, close } = await openRemote([`${address.replace('//', '//me:pass@')}/t-0.tar`], patience)
    expect(requests.at(-1)!.authorization).toBe(`Basic ${Buffer.from('me:pass').toString('base64')}`)
    expect(files[0]!.path).toBe(`${address}/t-0.tar`)
    await close()
  })
})

describe('files on disk', () => {
  test('are closed when there are many, and read again', async () => {
    const paths = await Promise.all(
      Array.from({ length: 5 }, async (_, i) => {
        const path = join(folder, `file-${i}`)
        await writeFile(path, `content ${i}`)
        return path
      }),
    )
    const { files, close } = await openFiles(paths, 2)
    const text = async (i: number) => {
      const target = new Uint8Array(9)
      await files[i]!.read(target, 0)
      return Buffer.from(target).toString()
    }
    const order = [0, 1, 2, 3, 4, 0, 0, 4, 2]
    expect(await Promise.all(order.map(text))).toEqual(order.map((i) => `content ${i}`))
    // The second of the last two used files is still open; another was closed and has changed meanwhile.
    await text(3)
    await text(4)
    await utimes(paths[0]!, 1, 1)
    await expect(text(0)).rejects.toThrow('was changed after it was opened')
    await close()
    await expect(openFiles([...paths, join(folder, 'none')], 2)).rejects.toMatchObject({
      code: 'not-found',
    })
  })

  test('small neighbouring pieces are one read', async () => {
    const reads: number[] = []
    const bytes = {
      size: 20,
      async read(target: Uint8Array, at: number) {
        reads.push(at)
        target.forEach((_, i) => {
          target[i] = at + i
        })
      },
    }
    const { read } = windowed(bytes, 8)
    const piece = async (at: number, length: number) => {
      const target = new Uint8Array(length)
      await read(target, at)
      return [...target]
    }
    expect(await piece(2, 2)).toEqual([2, 3])
    expect(await piece(8, 2)).toEqual([8, 9])
    expect(await piece(9, 2)).toEqual([9, 10]) // beyond the first window
    expect(await piece(18, 2)).toEqual([18, 19])
    expect(await piece(0, 9)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(reads).toEqual([2, 9, 18, 0])
  })
})

test('a saved list of images is used again until a tar changes, and not if it is damaged', async () => {
  const { files, close } = await openFiles([0, 1].map((shard) => join(folder, `t-${shard}.tar`)))
  let reads = 0
  const counting = files.map((file) => ({
    ...file,
    read(target: Uint8Array, at: number) {
      reads++
      return file.read(target, at)
    },
  }))
  const options = { extensions: new Set(['jpg']), folder: join(folder, 'lists'), worthSaving: 1 }
  const facts = async (tars = counting) => {
    reads = 0
    const { nameOf, count, ...arrays } = await indexTars(tars, options)
    const names = Array.from({ length: count }, (_, i) => nameOf(i))
    const { shards, starts, sizes, labels } = arrays
    return { names, numbers: [shards, starts, sizes, labels].map((column) => [...column]) }
  }
  const first = await facts()
  expect(reads).toBeGreaterThan(5)
  expect(first.names).toEqual(
    [0, 1].flatMap((shard) => [0, 1, 2, 3, 4].map((image) => `n${shard}${image}.jpg`)),
  )
  expect(first.numbers[3]).toEqual([0, 1, 0, 1, 0, 0, 1, 0, 1, 0])
  expect(await facts()).toEqual(first)
  expect(reads).toBe(0)
  await facts(counting.map((file) => ({ ...file, stamp: 1 })))
  expect(reads).toBeGreaterThan(5)
  const { readdir } = await import('node:fs/promises')
  for (const name of await readdir(options.folder)) {
    const path = join(options.folder, name)
    const bytes = await readFile(path)
    bytes[100]! ^= 1
    await writeFile(path, bytes)
  }
  expect(await facts()).toEqual(first)
  expect(reads).toBeGreaterThan(5)
  await rm(options.folder, { recursive: true })
  await close()
})

test('loading ahead keeps within its limits, and loads each file once', async () => {
  const loaded: number[] = []
  let running = 0
  let most = 0
  const read = async (image: number) => {
    loaded.push(image)
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 1))
    return Buffer.of(image)
  }
  const { load, prefetch, forget } = loadAhead(read, () => 10, { files: 4, bytes: 30 })
  prefetch([5, 1, 4, 2, 3])
  expect(loaded).toEqual([5, 1, 4]) // three of ten bytes
  for (const image of [5, 1, 4, 2, 3]) {
    expect([...(await load(image))]).toEqual([image])
    running--
  }
  expect(loaded).toEqual([5, 1, 4, 2, 3])
  expect(most).toBe(4) // one of them is in use
  prefetch([7, 8])
  forget()
  await load(7)
  expect(loaded).toEqual([5, 1, 4, 2, 3, 7, 8, 7])
  await expect(
    loadAhead(
      async () => Promise.reject(new Error('gone')),
      () => 1,
    ).load(1),
  ).rejects.toThrow('gone')
})
