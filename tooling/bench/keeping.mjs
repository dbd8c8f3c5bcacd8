/** @import { Dataset, Method } from '@selfsup/core' */
/** @import { TrainOptions } from '@selfsup/train' */
// Saves the results of long benchmarks, so that they can be interrupted and resumed; delete the folder to start again. Runs are in .cache;
// results too, or in SELFSUP_KEPT if a benchmark is to be resumed on another machine.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from './packages.mjs'

/** @param {string} path of the folder within .cache, such as `bench-iic/full` */
export function keeping(path) {
  const folder = fileURLToPath(new URL(`../../.cache/${path}`, import.meta.url))
  const figures = process.env.SELFSUP_KEPT ? join(process.env.SELFSUP_KEPT, path) : folder
  for (const made of [folder, figures]) mkdirSync(made, { recursive: true })
  /** @param {string} name */
  const fileOf = (name) => join(figures, `${name.replaceAll(/\W+/g, '-')}.json`)
  /** @param {string} name */
  const runOf = (name) => join(folder, `run-${name.replaceAll(/\W+/g, '-')}`)

  return {
    folder,
    /**
     * Returns the saved result, or measures and saves it.
     * @template Result
     * @param {string} name
     * @param {() => Result | Promise<Result>} measure
     * @returns {Promise<Result>}
     */
    async once(name, measure) {
      if (existsSync(fileOf(name))) return JSON.parse(readFileSync(fileOf(name), 'utf8'))
      const found = await measure()
      writeFileSync(fileOf(name), `${JSON.stringify(found, undefined, 2)}\n`)
      console.error(`${name}: ${JSON.stringify(found)}`)
      return found
    },
    /**
     * Returns the saved result. Without one, measures and saves it if `asked`.
     * @template Result
     * @param {string} name
     * @param {() => Result | Promise<Result>} measure
     * @param {boolean} asked
     * @returns {Promise<Result | undefined>}
     */
    async onceIf(name, measure, asked) {
      return asked || existsSync(fileOf(name)) ? this.once(name, measure) : undefined
    },
    /**
     * Trains, resumes an interrupted run, or restores a finished one. `seconds` is set only for an uninterrupted run.
     * @param {string} name
     * @param {Method} method
     * @param {Dataset} dataset
     * @param {Omit<TrainOptions, 'out' | 'resume'>} options
     * @returns {Promise<{ seconds?: number }>}
     */
    async learn(name, method, dataset, options) {
      const { readRun, restoreMethod, train } = await load('train')
      const out = runOf(name)
      const run = await readRun(out).catch(() => rmSync(out, { recursive: true, force: true }))
      if (run?.finished) {
        await restoreMethod(method, out)
        return {}
      }
      const { seconds } = await train(method, dataset, { ...options, out, resume: run !== undefined })
      return run ? {} : { seconds }
    },
    /**
     * Deletes a run that is no longer needed.
     * @param {string} name
     */
    forget(name) {
      rmSync(runOf(name), { recursive: true, force: true })
    },
  }
}
