import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

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

/** Projects with tests that replace modules (`vi.mock`) or start TensorFlow with other settings: their files get a process each. */
const isolated = new Set(
  ['cli', 'engine', 'generative', 'losses', 'runs', 'tensorflow']
    .map((name) => `packages/${name}`)
    .concat('tooling/precision'),
)

/** Projects whose own operations divide their work among threads, which their tests must see. */
const threaded = new Set(['packages/augment', 'packages/kernels', 'packages/tensorflow'])

export default defineConfig({
  test: {
    globalSetup: [`${root}tooling/vitest/empty-temporary-folder.ts`],
    // More than there are cores: browsers, child processes and files leave a core idle for a third of the time.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    projects: folders.map((folder) => ({
      resolve: { alias, mainFields: ['main'] },
      test: {
        name: folder.split('/').at(-1)!,
        root: `${root}${folder}`,
        include: ['**/*.test.ts'],
        exclude: ['**/node_modules/**', '**/dist/**'],
        pool: 'forks',
        // The files of a project share the modules of a process, so that TensorFlow.js is loaded once, not 250 times.
        isolate: isolated.has(folder),
        testTimeout: 60_000,
        hookTimeout: 120_000,
        env: {
          SELFSUP_MIXED_PRECISION: 'off', // numbers are compared to more digits than bfloat16 has, on any processor
          ...(!threaded.has(folder) && { TF_NUM_INTRAOP_THREADS: '1' }), // workers share the cores
        },
        setupFiles: [`${root}tooling/vitest/setup.ts`],
      },
    })),
  },
})
