import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { sourcesPlugin } from '../vitest/sources-plugin.mjs'

/**
 * Bundles sources into a folder: by default readers.mjs, mutate.mjs and worker.mjs. They import readers that the packages do
 * not export.
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
    plugins: [sourcesPlugin(['cli', 'data'])],
  })
}
