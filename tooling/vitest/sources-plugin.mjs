import { readFile } from 'node:fs/promises'
import { createRequire, isBuiltin } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const packages = fileURLToPath(new URL('../../packages/', import.meta.url))

/**
 * Bundles the packages' sources with esbuild for Node 20, which does not run TypeScript. Packages from the registry are not
 * bundled: they are resolved from the importing package, or from one of `others`.
 * @param {readonly string[]} [others] packages that have the dependencies of files in `tooling`
 * @returns {import('esbuild').Plugin}
 */
export const sourcesPlugin = (others = []) => ({
  name: 'sources',
  setup(build) {
    build.onResolve({ filter: /^@selfsup\// }, ({ path }) => {
      const [, name = '', entry = 'index'] = path.split('/')
      return { path: join(packages, name, 'src', `${entry}.ts`) }
    })
    build.onLoad({ filter: /packages.[a-z-]+.src.*\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(
        'import.meta.url',
        JSON.stringify(pathToFileURL(path).href),
      ),
      loader: 'ts',
    }))
    build.onResolve({ filter: /^@?[a-z]/ }, ({ path, importer, kind }) => {
      if (kind === 'entry-point' || isBuiltin(path)) return undefined
      for (const from of [importer, ...others.map((name) => join(packages, name, 'x.js'))])
        try {
          return { path: pathToFileURL(createRequire(from).resolve(path)).href, external: true }
        } catch {
          // try the next
        }
      // Packages without CommonJS, which only an optional reader imports. esbuild reports others that are missing.
      return kind === 'dynamic-import' ? { path, external: true } : undefined
    })
  },
})
