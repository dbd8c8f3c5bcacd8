import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the documentation. */
export const docs = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/** The root of the repository. */
export const root = join(docs, '..')

/** The folders of the packages, in alphabetical order. */
export function packageFolders(): string[] {
  return readdirSync(join(root, 'packages')).filter((name) =>
    existsSync(join(root, 'packages', name, 'package.json')),
  )
}

/** The folders of the packages that are published. */
export function publishedFolders(): string[] {
  return packageFolders().filter((folder) => !packageFacts(folder).private)
}

/** The published name and the one-line description of a package. */
export function packageFacts(folder: string): {
  readonly name: string
  readonly description: string
  readonly private?: boolean
} {
  return JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8'))
}

/** A file of the repository as text. */
export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
