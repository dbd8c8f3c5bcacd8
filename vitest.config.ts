import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './tooling/vitest/longest-first.js'

const root = fileURLToPath(new URL('.', import.meta.url))

/** Packages are tested from their sources: no build is needed before a test runs. */
const alias = [
  { find: /^@selfsup\/([a-z-]+)$/, replacement: `${root}packages/$1/src/index.ts` },
  { find: /^@selfsup\/([a-z-]+)\/([a-z-]+)$/, replacement: `${root}packages/$1/src/$2.ts` },
  { find: /^selfsup$/, replacement: `${root}packages/cli/src/index.ts` },
]

const folders = ['packages', 'tooling']
  .flatMap((group) =>
    readdirSync(`${root}${group}`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${group}/${entry.name}`),
  )
  .concat('docs', 'examples')

/** Folders with tests that replace modules (`vi.mock`) or start TensorFlow with other settings: their files get a process each. */
const isolated = new Set(
  ['cli', 'engine', 'generative', 'losses', 'runs', 'tensorflow']
    .map((name) => `packages/${name}`)
    .concat('tooling/precision'),
)

/** Folders whose own operations divide their work among threads, which their tests must see. */
const threaded = new Set(['packages/augment', 'packages/kernels', 'packages/tensorflow'])

/**
 * Files of one project share processes and what Vite makes of the sources, so that both are not made again for each package. The tests of
 * one folder are run by its path: `vitest run packages/core/`.
 */
const project = (name: string, ofIsolated: boolean, ofThreaded: boolean) => ({
  resolve: { alias, mainFields: ['main'] },
  test: {
    name,
    root,
    include: folders
      .filter((folder) => isolated.has(folder) === ofIsolated && threaded.has(folder) === ofThreaded)
      .map((folder) => `${folder}/**/*.test.ts`),
    exclude: ['**/node_modules/**', '**/dist/**'],
    pool: 'forks' as const,
    isolate: ofIsolated,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    env: {
      SELFSUP_MIXED_PRECISION: 'off', // numbers are compared to more digits than bfloat16 has, on any processor
      ...(!ofThreaded && { TF_NUM_INTRAOP_THREADS: '1' }), // workers share the cores
    },
    setupFiles: [`${root}tooling/vitest/setup.ts`],
  },
})

export default defineConfig({
  test: {
    root,
    sequence: { sequencer: LongestFirst },
    globalSetup: [`${root}tooling/vitest/empty-temporary-folder.ts`],
    // More than there are cores: browsers, child processes and files leave a core idle for a third of the time.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    projects: [
      project('isolated', true, false),
      project('isolated, threaded', true, true),
      project('shared', false, false),
      project('shared, threaded', false, true),
    ],
  },
})
