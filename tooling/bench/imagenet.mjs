// A WebDataset of ImageNet's size, 1,281,167 images of 500 x 375 pixels in 1,282 tars, most of them links to a few:
// SELFSUP_IMAGENET=list,rate runs some of its parts.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bare, load, prepared, quick, report } from './packages.mjs'

/** @import { HostBatch, ImageDataset } from '@selfsup/core' */
/** @import { Row } from './built.js' */

const IMAGES = 1_281_167
const PER_SHARD = 1000
const SHARDS = Math.ceil(IMAGES / PER_SHARD)
/** Different images; each shard has every one of them twice. */
const DIFFERENT = 500
/** Shards that are files of their own; the others are links to them. */
const FILES = 2
const BATCH = 64
/** As the loop of `train` reads. */
const SEED = /** @type {const} */ ([1, 0])
const folder = join(tmpdir(), 'selfsup-bench-imagenet')
const last = String(SHARDS - 1).padStart(4, '0')
const pattern = join(folder, `train-{0000..${last}}.tar`)
const cacheFolder = join(folder, 'cache')

async function main() {
  await makeShards()
  /** @type {Readonly<Record<string, () => Promise<Row[]>>>} */
  const parts = { list, rate, resume, server }
  /** @type {Row[]} */
  const rows = []
  for (const name of process.env.SELFSUP_IMAGENET?.split(',') ?? Object.keys(parts)) {
    const part = parts[name]
    if (!part) throw new Error(`no part ${name}; one of ${Object.keys(parts).join(', ')}`)
    rows.push(...(await part()))
    console.error(name, 'done')
  }
  report(await prepared(), rows)
  process.exit()
}

/** A tar's block of 512 bytes that precedes a file. @param {string} path @param {number} size */
function header(path, size) {
  const block = Buffer.alloc(512)
  block.write(path, 0)
  block.write(`0000644\0${'0000000\0'.repeat(2)}`, 100)
  block.write(`${size.toString(8).padStart(11, '0')}\0${'0'.repeat(11)}\0`, 124)
  block.write(`${' '.repeat(8)}0`, 148)
  block.write('ustar\0' + '00', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** Images with noise, as files of 50 kB; those of ImageNet have 110 kB on average. */
async function makeShards() {
  if (existsSync(join(folder, `train-${last}.tar`))) return
  mkdirSync(folder, { recursive: true })
  const { default: sharp } = await bare('sharp', 'data')
  const { shapes } = await load('data')
  /** @type {Buffer[]} */
  const files = []
  for await (const { images } of shapes({ size: 64, count: DIFFERENT }).batches({ batchSize: 1 })) {
    if (!images) throw new Error('the synthetic dataset returned no images')
    const noise = await sharp({
      create: {
        width: 500,
        height: 375,
        channels: 3,
        background: 'black',
        noise: { type: 'gaussian', mean: 0, sigma: 14 },
      },
    })
      .png()
      .toBuffer()
    files.push(
      await sharp(images.data, { raw: { width: 64, height: 64, channels: 3 } })
        .resize(500, 375, { fit: 'fill' })
        .composite([{ input: noise, blend: 'add' }])
        .jpeg({ quality: 90 })
        .toBuffer(),
    )
  }
  const bytes = files.reduce((sum, { length }) => sum + length, 0) / files.length
  console.error(`a file has ${Math.round(bytes / 1000)} kB`)
  /** @param {string} path @param {number} shard @param {number} count */
  const write = (path, shard, count) => {
    /** @type {Buffer[]} */
    const blocks = []
    const add = (/** @type {string} */ name, /** @type {Buffer} */ content) =>
      blocks.push(header(name, content.length), content, Buffer.alloc((512 - (content.length % 512)) % 512))
    for (let i = 0; i < count; i++) {
      const name = `s${shard}-${String(i).padStart(6, '0')}`
      add(`${name}.jpg`, /** @type {Buffer} */ (files[(i * 7 + shard) % DIFFERENT]))
      add(`${name}.cls`, Buffer.from(String((i + 13 * shard) % 1000)))
    }
    writeFileSync(path, Buffer.concat([...blocks, Buffer.alloc(1024)]))
  }
  for (let file = 0; file < FILES; file++) write(join(folder, `file-${file}.tar`), file, PER_SHARD)
  for (let shard = 0; shard < SHARDS - 1; shard++)
    symlinkSync(`file-${shard % FILES}.tar`, join(folder, `train-${String(shard).padStart(4, '0')}.tar`))
  const rest = join(folder, 'rest.tar')
  write(rest, SHARDS, IMAGES - (SHARDS - 1) * PER_SHARD)
  renameSync(rest, join(folder, `train-${last}.tar`)) // the last file: all others are there
}

/** @param {string} source */
async function opened(source) {
  const { openImages } = await load('data')
  return openImages(source, { cacheFolder })
}

const megabytes = () => process.memoryUsage.rss() / 2 ** 20

/** Opening for the first time reads all headers; later the saved list is read. */
async function list() {
  /** @type {Row[]} */
  const rows = []
  for (const what of ['first', 'again']) {
    const started = performance.now()
    const dataset = await opened(pattern)
    if (dataset.length !== IMAGES) throw new Error(`${dataset.length} images instead of ${IMAGES}`)
    rows.push({ case: `opening, ${what}`, value: (performance.now() - started) / 1000, unit: 's' })
    await dataset.close()
  }
  rows.push({ case: 'memory after opening', value: megabytes(), unit: 'MB' })
  return rows
}

/** Views of SimCLR at 224 pixels, from the tars to the device, and the memory meanwhile. */
async function rate() {
  const engine = await prepared()
  const { simclrViews } = await load('augment')
  const tf = await bare('@tensorflow/tfjs-core')
  const augmentation = simclrViews({ size: 224 })
  const make = engine.compile(
    (
      /** @type {Parameters<typeof augmentation['apply']>[0]} */ batch,
      /** @type {import('@tensorflow/tfjs-core').Tensor1D} */ seed,
    ) => augmentation.apply(batch, seed),
  )
  /** @param {import('@selfsup/core').HostImages} images */
  const tensor = ({ data, shape }) => tf.tensor4d(data, [...shape], 'int32')
  const dataset = await opened(pattern)
  const seconds = Number(process.env.SELFSUP_IMAGENET_SECONDS ?? (quick ? 10 : 60))
  /** @type {number[]} */
  const memory = []
  const shards = new Set()
  const seen = new Set()
  let images = 0
  let started
  let before
  /** @param {number} batch @returns {import('@selfsup/core').Seed} */
  const seedOf = (batch) => [1, batch]
  const { crops } = augmentation
  for await (const host of dataset.batches({
    batchSize: BATCH,
    dropLast: true,
    shuffle: SEED,
    crops,
    seedOf,
  })) {
    const batch = { images: undefined, crops: host.crops?.map(tensor) }
    const seed = tf.tensor1d([1, images], 'int32')
    const made = make(batch, seed)
    // Reading a number of the last view waits for all of them.
    tf.tidy(() => made.map((view) => tf.max(view).dataSync()))
    tf.dispose([batch.crops, seed, made])
    for (const index of host.indices) {
      shards.add(Math.floor(index / PER_SHARD))
      seen.add(index)
    }
    // The first batch is for warm-up.
    if (started === undefined || before === undefined) {
      started = performance.now()
      before = process.cpuUsage()
      continue
    }
    images += BATCH
    memory.push(megabytes())
    if (performance.now() - started > 1000 * seconds) break
  }
  const elapsed = (performance.now() - (started ?? 0)) / 1000
  const { user, system } = process.cpuUsage(before)
  await dataset.close()
  if (seen.size !== images + BATCH) throw new Error('an image came twice')
  const half = memory.length >> 1
  return [
    { case: 'views of SimCLR at 224 pixels', value: (2 * images) / elapsed, unit: 'views/s' },
    { case: 'processor time of 1,000 views', value: (user + system) / 1e3 / (2 * images), unit: 's' },
    { case: 'memory, most in the first half', value: Math.max(...memory.slice(0, half)), unit: 'MB' },
    { case: 'memory, most in the second half', value: Math.max(...memory.slice(half)), unit: 'MB' },
    { case: `shards among the first ${seen.size} images`, value: shards.size, unit: 'shards' },
  ]
}

/** @param {Iterable<HostBatch>} batches */
function digest(batches) {
  const hash = createHash('sha256')
  for (const { images, labels, indices } of batches)
    hash
      .update(images?.data ?? '')
      .update(new Uint8Array(labels.buffer))
      .update(new Uint8Array(indices.buffer))
  return hash.digest('hex')
}

/**
 * @param {ImageDataset} dataset
 * @param {Partial<import('@selfsup/core').BatchOptions>} options
 */
async function collected(dataset, options) {
  /** @type {HostBatch[]} */
  const batches = []
  for await (const batch of dataset.batches({
    batchSize: BATCH,
    dropLast: true,
    shuffle: SEED,
    size: 64,
    ...options,
  }))
    batches.push(batch)
  return batches
}

/** A pass that continues in its middle, and two readers that each read a part of every batch. */
async function resume() {
  const dataset = await opened(pattern)
  const [start, middle, end] = [10_000, 10_003, 10_006]
  const whole = await collected(dataset, { startBatch: start, endBatch: end })
  const started = performance.now()
  const rest = await collected(dataset, { startBatch: middle, endBatch: end })
  const seconds = (performance.now() - started) / 1000
  if (digest(rest) !== digest(whole.slice(middle - start)))
    throw new Error('a continued pass has other images')
  const parts = await Promise.all(
    [0, 1].map((index) =>
      collected(dataset, { startBatch: start, endBatch: end, part: { index, count: 2 } }),
    ),
  )
  const ofBoth = whole.map((_, batch) => parts.flatMap((part) => [...(part[batch]?.indices ?? [])]))
  if (String(ofBoth) !== String(whole.map(({ indices }) => [...indices])))
    throw new Error('two readers have other images than one')
  await dataset.close()
  return [
    {
      case: `continuing at batch ${middle}: time until ${end - middle} batches are read`,
      value: seconds,
      unit: 's',
    },
  ]
}

/** What the server does wrong. */
const FAULTS = { fail: 0.01, truncate: 0.01, drop: 0.005 }
const STALLS = 2

/** A server that fails, truncates, drops connections and stalls gives the images of the disk. */
async function server() {
  const shards = 2
  const batches = 20
  const names = `train-{0000..${String(shards - 1).padStart(4, '0')}}.tar`
  const local = await opened(join(folder, names))
  const wanted = digest(await collected(local, { endBatch: batches }))
  await local.close()
  /** @type {Row[]} */
  const rows = []
  for (const [what, faults] of /** @type {const} */ ([
    ['a server', false],
    ['a server that fails', true],
  ])) {
    const child = spawn(
      process.execPath,
      [fileURLToPath(import.meta.url), 'serve', faults ? 'badly' : 'well'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    /** @type {string[]} */
    const lines = []
    child.stdout.setEncoding('utf8').on('data', (text) => lines.push(...text.trim().split('\n')))
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    const address = lines[0] ?? ''
    // Listing the images takes a request for each, so the server that fails is used once.
    for (const source of [`${address}/${names}`, ...(faults ? [] : [`s3://bucket/${names}`])]) {
      process.env.AWS_ENDPOINT_URL = address
      const dataset = await opened(source)
      const started = performance.now()
      const found = digest(await collected(dataset, { endBatch: batches }))
      const seconds = (performance.now() - started) / 1000
      if (found !== wanted) throw new Error(`${what}: other images than on disk`)
      if (dataset.skipped().length > 0) throw new Error(`${what}: images were skipped`)
      await dataset.close()
      const kind = source.startsWith('s3') ? 's3' : 'http'
      rows.push({ case: `${what}, ${kind}: ${batches} batches`, value: seconds, unit: 's' })
    }
    child.kill()
    await new Promise((resolve) => child.on('close', resolve))
  }
  return rows
}

/** Serves the tars. Prints its address. */
function serve() {
  const faults = process.argv[3] === 'badly'
  let stalls = 0
  let requests = 0
  const server = createServer(async (request, response) => {
    const name = request.url?.split('/').at(-1) ?? ''
    const file = await open(join(folder, name)).catch(() => undefined)
    if (!file) return response.writeHead(404).end()
    const { size } = statSync(join(folder, name))
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    const from = Number(start)
    const part = Buffer.alloc(Math.min(Number(end) + 1, size) - from)
    await file.read(part, 0, part.length, from)
    await file.close()
    const luck = faults ? Math.random() : 1
    if (luck < FAULTS.fail) return response.writeHead(503, { 'retry-after': '0' }).end('later')
    if (luck < FAULTS.fail + FAULTS.drop) return request.socket.destroy()
    response.writeHead(206, {
      'content-range': `bytes ${start}-${end}/${size}`,
      'content-length': part.length,
      etag: '"1"',
    })
    if (luck < FAULTS.fail + FAULTS.drop + FAULTS.truncate) {
      response.write(part.subarray(0, part.length >> 1))
      return setTimeout(() => request.socket.destroy(), 10)
    }
    requests++
    if (faults && stalls < STALLS && requests % 1500 === 1400) {
      stalls++
      return response.write(part.subarray(0, 1))
    }
    return response.end(part)
  })
  server.listen(0, '127.0.0.1', () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
    console.log(`http://127.0.0.1:${port}`)
  })
}

if (process.argv[2] === 'serve') serve()
else await main()
