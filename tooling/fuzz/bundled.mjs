import { readFile } from 'node:fs/promises'
import { createRequire, isBuiltin } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const packages = fileURLToPath(new URL('../../packages/', import.meta.url))
/**
 * Bundles the packages' sources, because Node 20 does not run TypeScript and some readers are not exported.
 * @type {import('esbuild').Plugin}
 */
const sources = {
  name: 'sources',
  setup(build) {
    build.onResolve({ filter: /^@selfsup\// }, ({ path }) => ({
      path: join(packages, path.slice('@selfsup/'.length), 'src', 'index.ts'),
    }))
    build.onLoad({ filter: /packages.[a-z-]+.src.*\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(
        'import.meta.url',
        JSON.stringify(pathToFileURL(path).href),
      ),
      loader: 'ts',
    }))
    build.onResolve({ filter: /^@?[a-z]/ }, ({ path, importer, kind }) => {
      if (kind === 'entry-point' || isBuiltin(path)) return undefined
      // Resolves from the importing package; imports of this folder's files resolve from packages/cli or packages/data.
      for (const from of [importer, join(packages, 'cli', 'x.js'), join(packages, 'data', 'x.js')])
        try {
          const resolve = (/** @type {string} */ name) => createRequire(from).resolve(name)
          return { path: pathToFileURL(resolve(path)).href, external: true }
        } catch {
          // try the next
        }
      return undefined
    })
  },
}

/**
 * Bundles sources into a folder: by default readers.mjs, mutate.mjs and worker.mjs.
 * @param {string} folder
 * @param {readonly string[]} [names] names of files in this folder, without .ts
 */
export async function bundled(folder, names = ['readers', 'mutate', 'worker']) {
  const entry = (/** @type {string} */ name) => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  await build({
    entryPoints: Object.fromEntries(names.map((name) => [name, entry(name)])),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    plugins: [sources],
  })
}
