import { defineConfig } from 'tsup'

/** The build of every package: ESM with types, one entry, dependencies left outside. */
export default defineConfig({
  entry: ['src/index.ts'],
  format: ['esm'],
  target: 'node20',
  platform: 'neutral',
  clean: true,
  sourcemap: true,
  treeshake: true,
  external: [/^node:/],
})
