import { existsSync } from 'node:fs'
import { defineConfig } from 'tsup'

/** The build of every package: ESM with types, one entry and often another one for browsers, dependencies left outside. */
export default defineConfig({
  entry: ['src/index.ts', 'src/browser.ts'].filter((path) => existsSync(path)),
  format: ['esm'],
  target: 'node20',
  platform: 'neutral',
  clean: true,
  sourcemap: true,
  treeshake: true,
  external: [/^node:/],
})
