import { readFile } from 'node:fs/promises'
import { createRequire, isBuiltin } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const packages = fileURLToPath(new URL('../../packages/', import.meta.url))
/** @type {import('esbuild').Plugin} The sources as JavaScript of their own: Node 20 runs no TypeScript, and inner readers are not exported. */
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
      // As the package that asks for it finds it; the harness' own files ask as packages/cli and packages/data do.
      for (const from of [importer, join(packages, 'cli', 'x.js'), join(packages, 'data', 'x.js')])
        try {
          const resolve = (/** @type {string} */ name) => createRequire(from).resolve(name)
          return { path: pathToFileURL(resolve(path)).href, external: true }
        } catch {
          // asked for as another does
        }
      return undefined
    })
  },
}

/**
 * Writes readers.mjs, mutate.mjs and worker.mjs into a folder.
 * @param {string} folder
 */
export async function bundled(folder) {
  const entry = (/** @type {string} */ name) => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  await build({
    entryPoints: Object.fromEntries(['readers', 'mutate', 'worker'].map((name) => [name, entry(name)])),
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
