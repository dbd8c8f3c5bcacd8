import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))

/** Packages are tested from their sources: no build is needed before a test runs. */
const alias = [
  { find: /^@selfsup\/([a-z-]+)$/, replacement: `${root}packages/$1/src/index.ts` },
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

export default defineConfig({
  test: {
    globalSetup: [`${root}tooling/vitest/empty-temporary-folder.ts`],
    maxWorkers: '100%', // by default one core is left idle: half of a small machine
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
        env: { SELFSUP_MIXED_PRECISION: 'off' }, // numbers are compared to more digits than bfloat16 has, on any processor
        setupFiles: [`${root}tooling/vitest/setup.ts`],
      },
    })),
  },
})
