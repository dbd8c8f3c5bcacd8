import { describeEngines } from '@selfsup/engine'
import manifest from '../../package.json' with { type: 'json' }

/** `selfsup doctor`: machine, engines, what is missing and the command that mends it. */
export async function doctor({ json }: { json?: boolean }): Promise<number> {
  const report = await describeEngines()
  if (json) {
    console.log(JSON.stringify({ selfsup: manifest.version, ...report }))
    return 0
  }
  const { machine, engines } = report
  console.log(`selfsup ${manifest.version}, Node ${machine.node}, ${machine.platform}`)
  console.log(`${machine.processor}, ${machine.cores} cores, ${(machine.memory / 2 ** 30).toFixed(1)} GiB`)
  console.log(machine.gpus.length > 0 ? `GPU: ${machine.gpus.join('; ')}` : 'GPU: none found (nvidia-smi)')
  console.log('\nEngines, fastest first:')
  let taken = false
  for (const { title, available, version, folder, reason, mend } of engines) {
    const mark = available ? (taken ? ' ' : '*') : '-'
    taken ||= available
    const state = available
      ? `${version ?? ''}${folder ? ` in ${folder}` : ''}`
      : `${reason}${mend ? `; run: ${mend}` : ''}`
    console.log(` ${mark} ${title}: ${state}`)
  }
  console.log('\n* is taken unless --engine or SELFSUP_ENGINE says otherwise.')
  return 0
}
