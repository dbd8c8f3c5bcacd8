// Saves the results of long benchmarks, so that they can be interrupted and resumed; delete the folder to start again. Runs are in .cache;
// results too, or in SELFSUP_KEPT if a benchmark is to be resumed on another machine.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from './packages.mjs'

/** @param path path of the folder within .cache, such as `bench-iic/full` */
export function keeping(path) {
  const folder = fileURLToPath(new URL(`../../.cache/${path}`, import.meta.url))
  const figures = process.env.SELFSUP_KEPT ? join(process.env.SELFSUP_KEPT, path) : folder
  for (const made of [folder, figures]) mkdirSync(made, { recursive: true })
  const fileOf = (name) => join(figures, `${name.replaceAll(/\W+/g, '-')}.json`)
  const runOf = (name) => join(folder, `run-${name.replaceAll(/\W+/g, '-')}`)

  return {
    folder,
    /** Returns the saved result, or the one of `measure`; undefined if none is saved and it is not requested. */
    async once(name, measure, asked = true) {
      if (existsSync(fileOf(name))) return JSON.parse(readFileSync(fileOf(name), 'utf8'))
      if (!asked) return undefined
      const found = await measure()
      writeFileSync(fileOf(name), `${JSON.stringify(found, undefined, 2)}\n`)
      console.error(`${name}: ${JSON.stringify(found)}`)
      return found
    },
    /** Trains, resumes, or restores a finished run; returns the seconds of an uninterrupted run. */
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
    /** Deletes a run that is no longer needed. */
    forget(name) {
      rmSync(runOf(name), { recursive: true, force: true })
    },
  }
}
