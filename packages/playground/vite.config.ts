import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'

const packages = fileURLToPath(new URL('..', import.meta.url))

/** The packages from their sources, each by its entry for browsers if it has one: no build is needed before. */
const sources: Plugin = {
  name: 'sources',
  enforce: 'pre',
  resolveId(specifier) {
    const [, name, entry] = /^@selfsup\/([a-z-]+)(?:\/([a-z-]+))?$/.exec(specifier) ?? []
    if (!name) return undefined
    return (entry ? [entry] : ['browser', 'index'])
      .map((entry) => `${packages}${name}/src/${entry}.ts`)
      .find((path) => existsSync(path))
  },
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './', // the page can be in any folder of a site
  plugins: [sources],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es', plugins: () => [sources] },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 3000,
    modulePreload: { polyfill: false },
  },
})
