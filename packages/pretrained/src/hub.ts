import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, realpath, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import type { HubAddress } from './hub-address.js'
import {
  COMMIT,
  cachedFile,
  hubCacheFolder,
  isKnownMissing,
  removeIncomplete,
  repositoryFolder,
  storeMissing,
} from './hub-cache.js'

/** Names of weights, in the order in which they are tried. */
export const WEIGHT_FILES = ['model.safetensors', 'pytorch_model.bin'] as const
/** Names of the descriptions next to them. */
export const CONFIG_FILES = ['config.json', 'preprocessor_config.json'] as const

/** Settings of downloads; default: those of the environment, as Hugging Face's own programs use them. */
export interface HubOptions {
  readonly env?: NodeJS.ProcessEnv
  /** called before something is downloaded */
  readonly onNote?: (text: string) => void
}

/**
 * Asks the hub which commit a branch or tag is. All files of a model are then read from this commit: the branch can move between two
 * downloads, and the hub's library would file each of them under the commit that changed it last.
 * @returns the address of the commit
 * @throws SelfsupError if the repository does not exist or is not open to everyone, or there is no network
 */
export async function atCommit(
  address: HubAddress,
  { env = process.env }: HubOptions = {},
): Promise<HubAddress> {
  if (COMMIT.test(address.revision)) return address
  return asking(address, address.file ?? WEIGHT_FILES[0], env, async (request) => {
    const { modelInfo } = await import('@huggingface/hub')
    const { sha } = await modelInfo({ ...request, name: address.repository, additionalFields: ['sha'] })
    if (!COMMIT.test(sha))
      throw new SelfsupError(
        `${request.hubUrl} does not say which commit ${address.revision} of ${address.repository} is`,
        { code: 'download-failed' },
      )
    return { ...address, revision: sha }
  })
}

/**
 * Finds a file of a commit in the cache, or downloads it with `@huggingface/hub`.
 * @returns its path; undefined if the repository has no such file
 * @throws SelfsupError if the repository does not exist or is not open to everyone, or there is no network
 */
export async function hubFile(
  address: HubAddress,
  file: string,
  { env = process.env, onNote }: HubOptions = {},
): Promise<string | undefined> {
  const cache = hubCacheFolder(env)
  const cached = await cachedFile(cache, address, file)
  if (cached) return cached
  if (await isKnownMissing(cache, address, file)) return undefined
  const { repository } = address
  return asking(address, file, env, async (request) => {
    const { downloadFileToCacheDir, pathsInfo } = await import('@huggingface/hub')
    const of = { ...request, repo: { type: 'model' as const, name: repository } }
    const [info] = await pathsInfo({ ...of, paths: [file] })
    if (!info) {
      await storeMissing(cache, address, file)
      return undefined
    }
    onNote?.(`Downloading ${file} of ${repository} (${megabytes(info.size)}) to ${cache}`)
    try {
      const path = await quietly(() => downloadFileToCacheDir({ ...of, path: file, cacheDir: cache }))
      await expectWhole(path, info)
      return path
    } catch (error) {
      // Only this download: other programs use the cache too.
      const blob = info.lfs?.oid ?? info.xetHash ?? info.oid
      if (blob) await removeIncomplete(cache, repository, blob)
      throw error
    }
  })
}

/** Settings of a request to the hub. */
interface HubRequest {
  readonly revision: string
  readonly hubUrl: string
  readonly accessToken?: string
}

/** Sends requests for a file, and explains their errors. */
async function asking<T>(
  address: HubAddress,
  file: string,
  env: NodeJS.ProcessEnv,
  send: (request: HubRequest) => Promise<T>,
): Promise<T> {
  const cache = hubCacheFolder(env)
  if (isOn(env.HF_HUB_OFFLINE)) throw offline(address, file, cache, 'HF_HUB_OFFLINE is set')
  const hubUrl = (env.HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/+$/, '')
  try {
    return await send({ revision: address.revision, hubUrl, accessToken: await token(env) })
  } catch (error) {
    throw explained(error, address, file, cache, hubUrl)
  }
}

/** The library writes the names of downloads with `console.debug`, which would end up in the output of `--json`. */
async function quietly<T>(download: () => Promise<T>): Promise<T> {
  const { debug } = console
  console.debug = () => {}
  try {
    return await download()
  } finally {
    console.debug = debug
  }
}

/** @throws SelfsupError if the file differs from what the hub promised; it is removed then */
async function expectWhole(
  path: string,
  { size, lfs }: { size: number; lfs?: { oid: string } },
): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer)
    bytes += (chunk as Buffer).length
  }
  const whole = lfs ? hash.digest('hex') === lfs.oid : bytes === size
  if (whole) return
  const blob = await realpath(path)
  await rm(path, { force: true })
  await rm(blob, { force: true })
  throw new SelfsupError(`${basename(path)} arrived damaged: its bytes don't match what the hub promised`, {
    code: 'damaged-file',
    fix: 'try again',
  })
}

async function token(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const given = env.HF_TOKEN ?? env.HUGGING_FACE_HUB_TOKEN
  if (given) return given
  const home = env.HF_HOME ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface')
  const path = env.HF_TOKEN_PATH ?? join(home, 'token')
  return (await readFile(path, 'utf8').catch(() => '')).trim() || undefined
}

function explained(
  error: unknown,
  address: HubAddress,
  file: string,
  cache: string,
  hubUrl: string,
): SelfsupError {
  if (error instanceof SelfsupError) return error
  const { repository } = address
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  const page = `${hubUrl}/${repository}`
  if (status === 401 || status === 403)
    return new SelfsupError(`${repository} is not open to everyone (${status})`, {
      code: 'download-failed',
      fix: `if it exists, accept its terms at ${page} and set HF_TOKEN to a token of your account`,
      cause: error,
    })
  if (status === 404)
    return new SelfsupError(`${repository} at revision ${address.revision} does not exist on ${hubUrl}`, {
      code: 'not-found',
      cause: error,
    })
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const reason = status === undefined ? (cause as Error).message || String(error) : `status ${status}`
  return offline(address, file, cache, `${hubUrl} did not answer (${reason})`, error)
}

/** One line that says where to put which file. */
function offline(
  { repository, revision, file: given }: HubAddress,
  file: string,
  cache: string,
  why: string,
  cause?: unknown,
): SelfsupError {
  const files = given ? [given] : [WEIGHT_FILES[0], ...CONFIG_FILES]
  return new SelfsupError(
    `${file} of ${repository} is not in ${repositoryFolder(cache, repository)} and cannot be downloaded: ${why}`,
    {
      code: 'download-failed',
      fix: `copy ${files.join(', ')} of ${repository} (${revision}) into a folder and pass that folder instead of the name`,
      cause,
    },
  )
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(1|true|yes|on)$/i.test(value)
}

function megabytes(bytes: number): string {
  return `${Math.max(0.1, bytes / 1e6).toFixed(1)} MB`
}
