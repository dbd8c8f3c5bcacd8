import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * A package.json, as far as a release reads it.
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {boolean} [private]
 * @property {Readonly<Record<string, string>>} [dependencies]
 * @property {Readonly<Record<string, string>>} [devDependencies]
 * @property {Readonly<Record<string, string>>} [peerDependencies]
 */

/**
 * @param {string} folder of a package
 * @returns {Manifest}
 */
export const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** The packages that are published, by the names of their folders. */
export function publishedPackages() {
  return readdirSync(join(root, 'packages'))
    .filter((folder) => existsSync(join(root, 'packages', folder, 'package.json')))
    .filter((folder) => !manifestOf(join(root, 'packages', folder)).private)
}

/** The configuration of changesets names this file. */
const changelog = 'tooling/release/changelog.cjs'

/**
 * Copies the parts of the workspace that `changeset version` and `pnpm pack` need, so that the working tree stays unchanged.
 *
 * @param {string} to an empty folder
 * @param {readonly string[]} parts files and folders to copy from each package that has them
 */
export function copyPackages(to, parts) {
  /** @param {string} path within the workspace */
  const copy = (path) => {
    if (existsSync(join(root, path))) cpSync(join(root, path), join(to, path), { recursive: true })
  }
  for (const path of ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', '.changeset', changelog])
    copy(path)
  const folders = publishedPackages()
  for (const folder of folders) for (const part of parts) copy(join('packages', folder, part))
  symlinkSync(join(root, 'node_modules'), join(to, 'node_modules'), 'junction')
  // pnpm reads the versions of workspace packages from their links in node_modules.
  const places = new Map(folders.map((folder) => [manifestOf(join(to, 'packages', folder)).name, folder]))
  for (const folder of folders) {
    const { dependencies, devDependencies, peerDependencies } = manifestOf(join(to, 'packages', folder))
    for (const name of Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies })) {
      const other = places.get(name)
      if (!other) continue
      const link = join(to, 'packages', folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(to, 'packages', other), link, 'junction')
    }
  }
}
