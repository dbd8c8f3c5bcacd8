import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expected, SelfsupError, unknownName } from '@selfsup/core'
import { readText } from '@selfsup/run-folder'
import { atCommit, CONFIG_FILES, type HubOptions, hubFile, WEIGHT_FILES } from './hub.js'
import { parseHubAddress } from './hub-address.js'
import { cachedCommit, cachedFile, hubCacheFolder, storeRevision } from './hub-cache.js'
import { knownModels } from './known-models.js'
import type { PretrainedFiles } from './load-pretrained.js'

/** Names that someone may expect for DINOv3. */
const DINOV3 = /^(facebook\/)?dinov3[\w-]*$/i
const WEIGHTS = /\.(safetensors|pth|pt|bin)$/
/** Largest config.json in bytes. */
const MOST_CONFIG = 2 ** 22

/**
 * Whether a text names a pretrained model: a name of `knownModels`, `hf:owner/name`, a file of weights, or a folder with one.
 * Looks at the disk, not at the network.
 */
export async function isPretrained(source: string): Promise<boolean> {
  return (
    Object.hasOwn(knownModels, source) ||
    source.startsWith('hf:') ||
    DINOV3.test(source) ||
    WEIGHTS.test(source) ||
    (await weightsIn(source)).length > 0
  )
}

/**
 * Finds the files of a pretrained model, and downloads them if they are neither on disk nor in the cache.
 * @param source a name of `knownModels`, `hf:owner/name[@revision][:file]`, a file of weights, or a folder with one
 * @throws SelfsupError if nothing is found, or a download fails
 */
export async function findPretrained(source: string, options: HubOptions = {}): Promise<PretrainedFiles> {
  if (Object.hasOwn(knownModels, source))
    return fromHub(source, `hf:${knownModels[source]!.repository}`, options)
  if (source.startsWith('hf:')) return fromHub(source, source, options)
  const isFolder = (await stat(source).catch(() => undefined))?.isDirectory()
  if (isFolder) return fromFolder(source)
  if (DINOV3.test(source) && !(await stat(source).catch(() => undefined)))
    throw new SelfsupError(
      `no name stands for the weights of DINOv3: Meta licenses them under the DINOv3 License, which you have to accept yourself`,
      {
        code: 'unknown-name',
        fix: 'accept the licence at https://ai.meta.com/dinov3 or on the Hugging Face Hub; then pass the downloaded file or folder, or hf:facebook/dinov3-vits16-pretrain-lvd1689m with your token in HF_TOKEN',
      },
    )
  if (!WEIGHTS.test(source) && !(await stat(source).catch(() => undefined)))
    throw new SelfsupError(unknownName('pretrained model', source, Object.keys(knownModels)), {
      code: 'unknown-name',
    })
  return { source, weights: source, configs: await configsIn(dirname(source)) }
}

async function fromFolder(folder: string): Promise<PretrainedFiles> {
  const names = await weightsIn(folder)
  const usual = WEIGHT_FILES.find((name) => names.includes(name))
  expected(
    usual || names.length === 1,
    names.length === 0
      ? `${folder} contains no weights: .safetensors, .pth, .pt or .bin`
      : `${folder} contains several files of weights: ${names.join(', ')}; pass the one to use`,
    { code: 'not-found', path: folder },
  )
  return { source: folder, weights: join(folder, usual ?? names[0]!), configs: await configsIn(folder) }
}

async function weightsIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => WEIGHTS.test(name)).sort()
}

async function configsIn(folder: string): Promise<Record<string, string | undefined>> {
  const texts = CONFIG_FILES.map(async (name) => {
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    return [name, found ? await readText(path, MOST_CONFIG) : undefined] as const
  })
  return Object.fromEntries(await Promise.all(texts))
}

/**
 * The cache is used without network, so a branch such as `main` keeps its first version until it is removed from the cache. If
 * another program cached only the weights, their descriptions are downloaded.
 */
async function fromHub(source: string, text: string, options: HubOptions): Promise<PretrainedFiles> {
  const address = parseHubAddress(text)
  const { repository, file } = address
  const names = file ? [file] : WEIGHT_FILES
  const cache = hubCacheFolder(options.env)
  const known = await cachedCommit(cache, address)
  const cached = known && (await firstOf(names, (name) => cachedFile(cache, known, name)))
  const commit = cached ? known : await atCommit(address, options)
  const find = (name: string) => hubFile(commit, name, options)
  const configs: Record<string, string | undefined> = {}
  for (const name of CONFIG_FILES) {
    const path = await (cached ? find(name).catch(withoutIt) : find(name))
    if (path) configs[name] = await readText(path, MOST_CONFIG)
  }
  const weights = cached ?? (await firstOf(names, find))
  if (weights) {
    await storeRevision(cache, address, commit.revision)
    return { source, weights, configs }
  }
  throw new SelfsupError(`${repository} has no ${file ?? WEIGHT_FILES.join(' or ')}`, {
    code: 'not-found',
    fix: `name the file: hf:${repository}:FILE`,
  })

  function withoutIt(error: unknown): undefined {
    if (!(error instanceof SelfsupError)) throw error
    options.onNote?.(`${error.problem}; ${source} is used without it`)
  }
}

async function firstOf(
  names: readonly string[],
  find: (name: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  for (const name of names) {
    const path = await find(name)
    if (path) return path
  }
  return undefined
}
