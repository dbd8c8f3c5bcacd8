import { build } from 'esbuild'
import { sourcesPlugin } from './sources-plugin.mjs'

/** Bundles the sources into one JavaScript file, because a child process can't run TypeScript on Node 20. */
export async function bundleSources(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    plugins: [sourcesPlugin()],
  })
}
