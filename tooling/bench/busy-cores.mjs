import { cpus } from 'node:os'
import { setTimeout } from 'node:timers/promises'

const times = () => {
  const all = cpus().map((core) => core.times)
  /** @param {(core: import('node:os').CpuInfo['times']) => number} pick */
  const sum = (pick) => all.reduce((total, core) => total + pick(core), 0)
  return {
    idle: sum((core) => core.idle),
    whole: sum((core) => core.user + core.nice + core.sys + core.idle + core.irq),
  }
}

/** Number of cores that all programs used together over one second. */
export async function busyCores() {
  const before = times()
  await setTimeout(1000)
  const after = times()
  return cpus().length * (1 - (after.idle - before.idle) / (after.whole - before.whole))
}
