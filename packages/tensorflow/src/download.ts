import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { systemInstall, TENSORFLOW_VERSION, type Wheel } from './platform.js'
import { firstThatRuns, lastLine, type Program, runProgram } from './program.js'
import type { OnProgress } from './progress.js'
import { verifyWheel } from './wheel-hashes.js'

/**
 * Finds a pip that runs.
 * @param python the Python whose pip to use; by default python3, pip3 and pip are tried
 * @throws SelfsupError if none runs
 */
export async function findPip(python?: string): Promise<Program> {
  const candidates: Program[] = python
    ? [[python, '-m', 'pip']]
    : [['python3', '-m', 'pip'], ['pip3'], ['pip'], ['python', '-m', 'pip']]
  const pip = await firstThatRuns(candidates)
  if (pip) return pip
  const tried = candidates.map((candidate) => candidate.join(' ')).join(', ')
  throw new SelfsupError(`pip, which downloads TensorFlow, was not found (tried ${tried})`, {
    code: 'install-failed',
    fix: `run: ${systemInstall('pip')}`,
  })
}

/**
 * Downloads the wheel with pip, which uses its configured index, mirror, proxy and certificates.
 * @param folder an empty folder that no other process uses, for the wheel and pip's temporary files
 * @returns the wheel's path
 * @throws SelfsupError with a one-line message: no network, no such wheel on the index, disk full, or a wheel with another
 *   hash than the pinned one
 */
export async function downloadWheel(
  pip: Program,
  wheel: Wheel,
  folder: string,
  onProgress?: OnProgress,
): Promise<string> {
  const what = `${wheel.distribution}==${TENSORFLOW_VERSION}`
  const [file] = await download(pip, [what], what, [wheel.tag], folder, onProgress)
  return file!
}

/** Downloads NVIDIA's packages, some of which have tags for older systems. */
export function downloadNvidia(
  pip: Program,
  wheel: Wheel,
  requirements: readonly string[],
  folder: string,
  onProgress?: OnProgress,
): Promise<string[]> {
  const tags = [wheel.tag, 'manylinux_2_17_x86_64', 'manylinux2014_x86_64']
  return download(pip, requirements, "NVIDIA's libraries", tags, folder, onProgress)
}

async function download(
  pip: Program,
  requirements: readonly string[],
  what: string,
  tags: readonly string[],
  folder: string,
  onProgress?: OnProgress,
): Promise<string[]> {
  const temporary = join(folder, 'tmp')
  await mkdir(temporary, { recursive: true })
  const [command, ...first] = pip
  const message = `downloading ${what} with pip`
  const report = async () =>
    onProgress?.({ stage: 'download', message, bytes: await folderBytes(folder).catch(() => 0) })
  onProgress?.({ stage: 'download', message, bytes: 0 })
  const timer = setInterval(report, 500)
  const platforms = tags.flatMap((tag) => ['--platform', tag])
  const options = ['--no-deps', '--only-binary', ':all:', '--python-version', '3.11', ...platforms]
  const outcome = await runProgram(
    command,
    [...first, 'download', ...options, '--progress-bar', 'off', '--dest', folder, ...requirements],
    // pip downloads into TMPDIR first. With this folder, an interrupted download leaves nothing elsewhere, and /tmp may be small.
    { env: { TMPDIR: temporary, PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_NO_INPUT: '1' } },
  )
  clearInterval(timer)
  if (outcome.code !== 0) throw pipFailure(outcome.output, what, tags[0]!, pip)
  const names = (await readdir(folder)).filter((name) => name.endsWith('.whl'))
  if (names.length >= requirements.length) {
    const files = names.map((name) => join(folder, name))
    onProgress?.({ stage: 'download', message: `comparing SHA-256 of ${what}` })
    for (const file of files) await verifyWheel(file)
    return files
  }
  throw new SelfsupError(`pip succeeded but left no wheel of ${what} (${lastLine(outcome.output)})`, {
    code: 'install-failed',
  })
}

const network =
  /NewConnectionError|Temporary failure in name resolution|ProxyError|ConnectTimeout|ReadTimeout|SSLError|CERTIFICATE|Network is unreachable|Connection (refused|reset|broken|aborted)|Max retries/i

function pipFailure(output: string, what: string, tag: string, pip: Program): SelfsupError {
  const failure = (problem: string, fix?: string) =>
    new SelfsupError(problem, { code: 'install-failed', fix })
  if (/No space left on device|Disk quota exceeded/i.test(output)) {
    return failure(
      `the disk is too full to download ${what}`,
      'free disk space or set SELFSUP_CACHE to a folder on a larger disk',
    )
  }
  if (network.test(output)) {
    const cause = output.split('\n').find((line) => network.test(line))
    return failure(
      `pip could not reach its package index for ${what} (${shorten(cause ?? lastLine(output))})`,
      'check the network, or set an index or proxy with `pip config set`',
    )
  }
  if (/No matching distribution|Could not find a version/i.test(output)) {
    return failure(
      `the package index that pip uses has no ${what} for ${tag}`,
      'point pip to one that has it (`pip config set global.index-url ADDRESS`)',
    )
  }
  if (/no such option|unrecognized arguments/i.test(output)) {
    return failure(`this pip is too old (${lastLine(output)})`, `run: ${pip.join(' ')} install --upgrade pip`)
  }
  return failure(`pip could not download ${what} (${shorten(lastLine(output))})`)
}

function shorten(line: string): string {
  const text = line.trim()
  return text.length > 200 ? `${text.slice(0, 197)}...` : text
}

async function folderBytes(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    bytes += entry.isDirectory()
      ? await folderBytes(path).catch(() => 0)
      : await stat(path).then(
          ({ size }) => size,
          () => 0,
        )
  }
  return bytes
}
