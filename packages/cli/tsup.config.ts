import { defineConfig } from 'tsup'

/** Split, so that `selfsup --help` loads the parser and nothing else. */
export default defineConfig({
  entry: ['src/bin.ts', 'src/index.ts'],
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  splitting: true,
  clean: true,
  sourcemap: true,
})
