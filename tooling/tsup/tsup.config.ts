import { existsSync } from 'node:fs'
import { defineConfig } from 'tsup'

/**
 * The build of every package: ESM, one entry, and those for browsers and for small bundles where a package has them; dependencies
 * are left outside.
 */
export default defineConfig({
  entry: ['src/index.ts', 'src/browser.ts', 'src/losses.ts'].filter((path) => existsSync(path)),
  format: ['esm'],
  target: 'node20',
  platform: 'neutral',
  clean: true,
  sourcemap: true,
  treeshake: true,
  external: [/^node:/],
})
