import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { writeApiPages } from './site/api.js'
import { docs, publishedFolders, root } from './site/repository.js'
import { stageSite } from './site/stage.js'

// Builds the site: tsx build.ts [--api all|none|core,losses] [--stage FOLDER] [--out FOLDER] [--dev]
// The pages are first put together in the stage folder, which is a VitePress project; then VitePress builds that.
const { values } = parseArgs({
  options: {
    api: { type: 'string', default: 'all' },
    stage: { type: 'string', default: join(docs, '.site') },
    out: { type: 'string', default: join(docs, 'dist') },
    dev: { type: 'boolean', default: false },
  },
})

const api = values.api === 'all' ? publishedFolders() : values.api === 'none' ? [] : values.api.split(',')
process.env.DO_NOT_TRACK = '1'
// Where Vue is not a dependency of this package, VitePress links it into node_modules for the time of a build, and two
// builds at a time remove it from each other.
import.meta.resolve('vue')

rmSync(values.stage, { recursive: true, force: true })
const started = performance.now()
const lap = (what: string) => console.log(`${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`)
await stageSite(values.stage)
lap('pages')
await writeApiPages(values.stage, api)
lap('API pages')
const { build, createServer } = await import('vitepress')
if (values.dev) {
  const server = await createServer(values.stage)
  await server.listen()
  server.printUrls()
} else {
  await build(values.stage, { outDir: values.out })
  lap('site')
  // Its own Vite is newer than VitePress's.
  if (!process.env.DOCS_QUICK) {
    const playground = join(values.out, 'playground')
    const args = [
      '--filter',
      '@selfsup/playground',
      'exec',
      'vite',
      'build',
      '--outDir',
      playground,
      '--emptyOutDir',
    ]
    await promisify(execFile)('pnpm', args, { cwd: root, env: { ...process.env, NODE_ENV: 'production' } })
    lap('playground')
  }
}
