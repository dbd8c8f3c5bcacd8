import { readFileSync } from 'node:fs'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { filterProblems, problemKindInfo } from '@arethetypeswrong/core/problems'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

/**
 * A package, as `pnpm pack --json` describes it.
 * @typedef {{ name: string, version: string, filename: string, files: readonly { path: string }[] }} Packed
 */

const needed = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'dist/index.js', 'dist/index.d.ts']

/**
 * Checks a packed package: its files, publint's rules, and whether importers get its types.
 *
 * @param {Packed} packed
 * @returns {Promise<string[]>} problems in words; empty if it can be published
 */
export async function problemsOfPackage({ name, filename, files }) {
  const tarball = readFileSync(filename)
  const paths = files.map(({ path }) => path)
  const missing = needed.filter((path) => !paths.includes(path)).map((path) => `has no ${path}`)
  const stray = paths.filter((path) => /\.test\.|^src\/|fixtures/.test(path)).map((path) => `holds ${path}`)

  const data = tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength)
  const { messages, pkg } = await publint({ pack: { tarball: data }, strict: true })
  const lint = messages
    .filter(({ type }) => type === 'error')
    .map((message) => `publint: ${formatMessage(message, pkg, { color: false })}`)
  const unresolved = /"(workspace|catalog):/.test(JSON.stringify(pkg))
    ? ['depends on workspace: or catalog:']
    : []

  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)))
  const types = analysis.types ? typeProblems(analysis) : ['has no types']
  return [...missing, ...stray, ...unresolved, ...lint, ...types].map((problem) => `${name}: ${problem}`)
}

/**
 * Problems of the resolutions that can import ES modules; all packages are ES modules only.
 * @param {import('@arethetypeswrong/core').Analysis} analysis
 */
function typeProblems(analysis) {
  const kinds = /** @type {const} */ (['node16-esm', 'bundler']).flatMap((resolutionKind) =>
    filterProblems(analysis, { resolutionKind }).map(({ kind }) => kind),
  )
  return [...new Set(kinds)].map((kind) => `types: ${problemKindInfo[kind].description}`)
}
