// What a long benchmark measured, kept so that it may be stopped and go on: delete the folder to begin anew. Runs lie in .cache;
// figures too, or in SELFSUP_KEPT where a benchmark of hours is to go on elsewhere.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from './packages.mjs'

/** @param path of the folder within .cache, such as `bench-iic/full` */
export function keeping(path) {
  const folder = fileURLToPath(new URL(`../../.cache/${path}`, import.meta.url))
  const figures = process.env.SELFSUP_KEPT ? join(process.env.SELFSUP_KEPT, path) : folder
  for (const made of [folder, figures]) mkdirSync(made, { recursive: true })
  const fileOf = (name) => join(figures, `${name.replaceAll(/\W+/g, '-')}.json`)
  const runOf = (name) => join(folder, `run-${name.replaceAll(/\W+/g, '-')}`)

  return {
    folder,
    /** The kept result, else what `measure` finds; undefined where there is none and it is not asked for. */
    async once(name, measure, asked = true) {
      if (existsSync(fileOf(name))) return JSON.parse(readFileSync(fileOf(name), 'utf8'))
      if (!asked) return undefined
      const found = await measure()
      writeFileSync(fileOf(name), `${JSON.stringify(found, undefined, 2)}\n`)
      console.error(`${name}: ${JSON.stringify(found)}`)
      return found
    },
    /** Trains, or goes on, or takes what a finished run left; seconds only of a run in one piece. */
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
    /** Frees the room of a run that is no longer needed. */
    forget(name) {
      rmSync(runOf(name), { recursive: true, force: true })
    },
  }
}
