import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../vitest/temporary-folder.js'
import { type Part, runParts } from './limited-parts.mjs'

/** A program that writes rows, or does something else. */
const program = (text: string) => ({ command: [process.execPath, '-e', text] as const })
const rows = JSON.stringify({ rows: [{ case: 'a', value: 3, unit: 's' }] })

test('parts have their own limits, failures are recorded, and what is done is saved and not run again', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'sub', 'results.json')
  let runs = 0
  const left = join(folder, 'left')
  const later = `setTimeout(() => require('node:fs').writeFileSync(${JSON.stringify(left)}, ''), 3000)`
  const late = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(later)}])
    setTimeout(() => {}, 60000)`
  const parts: Part[] = [
    {
      name: 'good',
      seconds: 20,
      measure: (run) => {
        runs++
        return run(program(`console.log('noise'); console.log('${rows}')`))
      },
    },
    { name: 'late', seconds: 1.5, measure: (run) => run(program(late)) },
    { name: 'bad', seconds: 20, measure: (run) => run(program("throw new Error('no device')")) },
  ]
  const seen: string[] = []
  const onPart = (name: string) => {
    const saved = JSON.parse(readFileSync(file, 'utf8'))
    seen.push(`${name}: ${saved[name].state}`) // on the disk before the next part starts
  }
  const found = await runParts(parts, { file, seconds: 60, onPart })
  expect(seen).toEqual(['good: done', 'late: too long', 'bad: failed'])
  expect(found.good!.rows).toEqual([{ case: 'a', value: 3, unit: 's' }])
  expect(found.late!.seconds).toBeLessThan(5)
  expect(found.bad!.error).toContain('no device')

  const more = [...parts, { name: 'more', seconds: 20, measure: async () => [] }]
  expect(await runParts(more, { file, seconds: 0 })).toMatchObject({
    good: { state: 'done' },
    late: { state: 'no time left' },
    more: { state: 'no time left' },
  })
  expect(runs).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, 1000))
  expect(existsSync(left)).toBe(false) // the process that the late part had started was ended too
})
