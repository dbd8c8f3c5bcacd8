import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SelfsupError } from '@selfsup/core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { findPretrained } from './find-pretrained.js'
import { describePretrained } from './load-pretrained.js'

const models = fileURLToPath(new URL('./fixtures/models', import.meta.url))
const COMMIT = 'c'.repeat(40)
/** The commit that changed a file last is an older one, and differs from file to file. */
const lastCommitOf = (file: string) => createHash('sha1').update(file).digest('hex')
const repositories: Record<string, string> = {
  'someone/tiny': 'transformers-dinov2',
  'someone/old': 'transformers-vit',
  'facebook/dinov2-small': 'transformers-dinov2-registers',
}

let server: Server
let requests: { path: string; token?: string }[] = []
let cutOff = false
let wrongBytes = false
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    requests.push({ path, token: request.headers.authorization })
    const revision = /^\/api\/models\/([^/]+\/[^/]+)\/revision\//.exec(path)
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/paths-info\/(.+)$/.exec(path)
    const resolved = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path)
    const repository = revision?.[1] ?? api?.[1] ?? resolved?.[1] ?? ''
    const status = { 'gated/model': 403, 'secret/model': 401 }[repository]
    if (status)
      return response.writeHead(status, { 'content-type': 'application/json' }).end('{"error":"gated"}')
    const folder = repositories[repository]
    if (!folder) return response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"no"}')
    if (revision)
      return response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ id: repository, sha: COMMIT }))
    const contentOf = (file: string) => {
      const full = join(models, folder, file)
      return existsSync(full) ? readFileSync(full) : undefined
    }
    if (api) {
      const { paths } = JSON.parse(await bodyOf(request)) as { paths: string[] }
      const found = paths.flatMap((file) => {
        const content = contentOf(file)
        if (!content) return []
        const oid = createHash('sha256').update(content).digest('hex')
        const lfs = /\.json$/.test(file) ? {} : { lfs: { oid, size: content.length, pointerSize: 100 } }
        const lastCommit = { id: lastCommitOf(file), title: 'x', date: '2024-01-01T00:00:00.000Z' }
        return [{ type: 'file', path: file, size: content.length, oid: oid.slice(0, 40), lastCommit, ...lfs }]
      })
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found))
    }
    const content = Buffer.from(contentOf(resolved![3]!)!)
    if (wrongBytes) content[content.length - 1]! ^= 1
    const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [undefined, '0', '']
    const end = to === '' || to === undefined ? content.length - 1 : Math.min(Number(to), content.length - 1)
    const part = content.subarray(Number(from), end + 1)
    const headers = {
      'content-range': `bytes ${from}-${end}/${content.length}`,
      'content-length': String(part.length),
      etag: '"x"',
    }
    response.writeHead(request.headers.range ? 206 : 200, headers)
    if (cutOff && part.length > 1) {
      response.write(part.subarray(0, part.length >> 1))
      return setTimeout(() => response.destroy(), 5)
    }
    return response.end(part)
  })
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
})
afterAll(() => void server.close())
beforeEach(() => {
  requests = []
  cutOff = false
  wrongBytes = false
  const { port } = server.address() as AddressInfo
  env = { HF_HOME: temporaryFolder(), HF_ENDPOINT: `http://127.0.0.1:${port}/` }
})

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

async function filesBelow(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
}

test('downloads weights and descriptions once into the cache of Hugging Face’s libraries, and then needs no network', async () => {
  const notes: string[] = []
  const output = console.debug
  const files = await findPretrained('hf:someone/tiny', { env, onNote: (text) => notes.push(text) })
  expect(console.debug).toBe(output)
  expect(files.weights).toBe(
    join(env.HF_HOME!, 'hub', 'models--someone--tiny', 'snapshots', COMMIT, 'model.safetensors'),
  )
  expect(readFileSync(files.weights)).toEqual(
    readFileSync(join(models, 'transformers-dinov2/model.safetensors')),
  )
  expect(notes.join()).toContain('Downloading model.safetensors of someone/tiny')
  const { architecture, preprocessing } = await describePretrained(files)
  expect(architecture.options).toMatchObject({
    width: 16,
    depth: 2,
    heads: 2,
    patchSize: 8,
    layerScale: 1e-5,
  })
  expect(preprocessing).toMatchObject({ size: 24, resampling: { shorterSide: 28, interpolation: 'bicubic' } })

  requests = []
  expect(await findPretrained('hf:someone/tiny', { env: { ...env, HF_HUB_OFFLINE: '1' } })).toEqual(files)
  expect(requests).toEqual([])
})

test('descriptions of weights that another program cached are downloaded; without network, a note says that they are missing', async () => {
  const all = await findPretrained('hf:someone/tiny', { env })
  const repository = join(env.HF_HOME!, 'hub', 'models--someone--tiny')
  for (const name of ['config.json', 'preprocessor_config.json'])
    await rm(join(repository, 'snapshots', COMMIT, name))
  const notes: string[] = []
  const onNote = (text: string) => notes.push(text)
  const alone = await findPretrained('hf:someone/tiny', { env: { ...env, HF_HUB_OFFLINE: '1' }, onNote })
  expect(alone).toEqual({ ...all, configs: {} })
  expect(notes[0]).toMatch(
    /^config\.json of someone\/tiny is not in .*; hf:someone\/tiny is used without it$/,
  )
  expect(await findPretrained('hf:someone/tiny', { env, onNote })).toEqual(all)
})

test('files that the repository does not have are not asked for again', async () => {
  const first = await findPretrained('hf:someone/old', { env })
  expect(Object.keys(first.configs!)).toEqual(['config.json'])
  requests = []
  expect(await findPretrained('hf:someone/old', { env })).toEqual(first)
  expect(requests).toEqual([])
})

test('pytorch_model.bin serves without model.safetensors; a file and a revision can be named', async () => {
  expect(basename((await findPretrained('hf:someone/old', { env })).weights)).toBe('pytorch_model.bin')
  requests = []
  const named = await findPretrained(`hf:someone/tiny@${COMMIT}:model.safetensors`, { env })
  expect(basename(dirname(named.weights))).toBe(COMMIT)
  expect(requests.every(({ path }) => path.includes(COMMIT))).toBe(true)
})

test('a short name stands for its repository; the token of the environment is sent', async () => {
  await findPretrained('dinov2-small', { env: { ...env, HF_TOKEN: 'hf_abc' } })
  expect(requests[0]!.path).toContain('facebook/dinov2-small')
  expect(requests.every(({ token }) => token === 'Bearer hf_abc')).toBe(true)
})

test.each([
  [
    'hf:gated/model',
    /gated\/model is not open to everyone \(403\); .*accept its terms at .*\/gated\/model and set HF_TOKEN/,
  ],
  ['hf:secret/model', /secret\/model is not open to everyone \(401\)/],
  ['hf:nobody/nothing', /nobody\/nothing at revision main does not exist/],
  ['hf:someone/tiny:other.pth', /someone\/tiny has no other\.pth/],
  ['hf:someone', /is written hf:owner\/name/],
  ['hf:someone/tiny:../../x.pth', /is written hf:owner\/name/],
  ['hf:someone/tiny:a\\..\\..\\x.pth', /is written hf:owner\/name/],
  ['hf:someone/tiny@../x', /is written hf:owner\/name/],
])('%s is an error that says what to do', async (source, message) => {
  const error = await findPretrained(source, { env }).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(SelfsupError)
  expect((error as SelfsupError).message).toMatch(message)
  expect((error as SelfsupError).message).not.toContain('\n')
})

test('without network, one line says which files to put where', async () => {
  for (const offline of [
    { ...env, HF_ENDPOINT: 'http://127.0.0.1:9' },
    { ...env, HF_HUB_OFFLINE: '1' },
  ]) {
    const error = (await findPretrained('dinov2-small', { env: offline }).catch(
      (e: unknown) => e,
    )) as SelfsupError
    expect(error).toMatchObject({ name: 'SelfsupError', code: 'download-failed' })
    expect(error.message).toMatch(
      /copy model\.safetensors, config\.json, preprocessor_config\.json of facebook\/dinov2-small \(main\) into a folder and pass that folder/,
    )
    expect(error.message).not.toContain('\n')
  }
})

test('a broken or changed download leaves nothing behind, and can be repeated', async () => {
  const blobs = join(env.HF_HOME!, 'hub/models--someone--tiny/blobs')
  await mkdir(blobs, { recursive: true })
  await writeFile(join(blobs, 'of-another-program.incomplete'), '')
  cutOff = true
  const address = 'hf:someone/tiny:model.safetensors'
  await expect(findPretrained(address, { env })).rejects.toThrow(SelfsupError)
  expect((await filesBelow(env.HF_HOME!)).filter((name) => /safetensors|^[0-9a-f]{64}/.test(name))).toEqual(
    [],
  )
  cutOff = false
  wrongBytes = true
  await expect(findPretrained(address, { env })).rejects.toThrow(SelfsupError)
  expect((await filesBelow(env.HF_HOME!)).filter((name) => /safetensors|^[0-9a-f]{64}/.test(name))).toEqual(
    [],
  )
  wrongBytes = false
  await findPretrained(address, { env })
  expect(existsSync(join(blobs, 'of-another-program.incomplete'))).toBe(true)
})

test('a local folder and a file are used as they are', async () => {
  const folder = join(models, 'transformers-vit')
  expect(await findPretrained(folder, { env })).toMatchObject({
    source: folder,
    weights: join(folder, 'pytorch_model.bin'),
    configs: { 'config.json': readFileSync(join(folder, 'config.json'), 'utf8') },
  })
  expect(requests).toEqual([])
  const bad = temporaryFolder()
  await mkdir(bad, { recursive: true })
  await writeFile(join(bad, 'config.json'), '{')
  await writeFile(join(bad, 'model.safetensors'), readFileSync(join(models, 'timm-vit/model.safetensors')))
  await expect(findPretrained(bad, { env }).then(describePretrained)).rejects.toThrow(
    'config.json is not valid JSON',
  )
})
