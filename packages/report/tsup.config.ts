import { build, defineConfig } from 'tsup'

/** The package, the worker that places features on a map, and what a report's page is made of: one script and one style sheet. */
export default defineConfig({
  entry: ['src/index.ts', 'src/map-worker.ts'],
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  clean: true,
  sourcemap: true,
  treeshake: true,
  onSuccess: () =>
    build({
      config: false,
      entry: { page: 'src/page/main.tsx' },
      format: ['iife'],
      target: 'es2022',
      platform: 'browser',
      noExternal: [/.*/],
      minify: true,
      clean: false,
      outExtension: () => ({ js: '.js' }),
      silent: true,
    }),
})
