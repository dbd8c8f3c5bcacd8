import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'esbuild'
import { defineConfig, type Options } from 'tsup'

const here = dirname(fileURLToPath(import.meta.url))

/**
 * Bundles the kernels of @tensorflow/tfjs-node into this package, because installing that package runs its download
 * script. The kernels import all of TensorFlow.js but only use its core. They use protocol buffers only for TensorBoard
 * summaries, which Selfsup writes itself.
 */
const kernelsAlone: Plugin = {
  name: 'kernels-alone',
  setup(build) {
    build.onResolve({ filter: /^@tensorflow\/tfjs(-core)?$/ }, () => ({
      path: '@tensorflow/tfjs-core',
      external: true,
    }))
    build.onResolve({ filter: /\/proto\/api_pb$/ }, () => ({ path: 'api_pb', namespace: 'left-out' }))
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {}' }))
  },
}

function copySources(dist: string): void {
  const require = createRequire(import.meta.url)
  const target = join(dist, 'binding')
  mkdirSync(target, { recursive: true })
  const copy = (from: string, to: string) => {
    for (const name of readdirSync(from).filter((name) => /\.(cc|h)$/.test(name))) {
      cpSync(join(from, name), join(to, name))
    }
  }
  copy(join(here, 'src', 'native'), target)
  const nodeApi = dirname(require.resolve('node-api-headers/package.json'))
  mkdirSync(join(target, 'node-api'))
  copy(join(nodeApi, 'include'), join(target, 'node-api'))
  cpSync(join(nodeApi, 'LICENSE'), join(target, 'node-api', 'LICENSE'))
  cpSync(join(here, 'src', 'native', 'NOTICE'), join(target, 'NOTICE'))
}

export default defineConfig((options) => {
  const dist = resolve(here, options.outDir ?? 'dist')
  rmSync(dist, { recursive: true, force: true })
  const shared: Options = { format: ['esm'], target: 'node20', platform: 'node', outDir: dist }
  return [
    {
      ...shared,
      entry: ['src/index.ts'],
      sourcemap: true,
      treeshake: true,
      external: [/^node:/, './kernels.js'],
      onSuccess: async () => copySources(dist),
    },
    {
      ...shared,
      entry: ['src/kernels.ts'],
      noExternal: [/@tensorflow\/tfjs-node/],
      banner: {
        js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
      },
      esbuildPlugins: [kernelsAlone],
    },
  ]
})
