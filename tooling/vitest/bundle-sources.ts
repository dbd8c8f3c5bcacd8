import { readFile } from 'node:fs/promises'
import { createRequire, isBuiltin } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

const packages = fileURLToPath(new URL('../../packages/', import.meta.url))

/** Bundles the sources into one JavaScript file, because a child process can't run TypeScript on Node 20. */
export async function bundleSources(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    plugins: [sources],
  })
}

const sources: Plugin = {
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
      // Resolve from the importing package, because the bundle is in a different folder.
      try {
        return { path: pathToFileURL(createRequire(importer).resolve(path)).href, external: true }
      } catch (error) {
        // Packages without CommonJS, which only an optional reader imports.
        if (kind === 'dynamic-import') return { path, external: true }
        throw error
      }
    })
  },
}
