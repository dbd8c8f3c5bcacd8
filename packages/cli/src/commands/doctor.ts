import { SelfsupError } from '@selfsup/core'
import { type AdapterReport, describeEngines, type Engine, type StepsReport } from '@selfsup/engine'
import manifest from '../../package.json' with { type: 'json' }
import { engineFlags, startEngine } from '../engine.js'
import { withFix } from '../fixes.js'
import { counted } from '../table.js'

/**
 * `selfsup doctor`: prints machine, engines, what is missing and the command that fixes it. With `verify` it also compares
 * the installed libraries with the hashes stored at installation.
 */
export async function doctor({ json, verify }: { json?: boolean; verify?: boolean }): Promise<number> {
  const report = await describeEngines(engineFlags())
  const installations = verify ? await verified() : undefined
  const gpuProblem = await checkGpu(report.steps)
  const damaged = installations?.some(({ problems }) => problems.length > 0)
  const exitCode = damaged || gpuProblem ? 1 : 0
  if (json) {
    console.log(JSON.stringify({ selfsup: manifest.version, ...report, gpuProblem, installations }))
    return exitCode
  }
  const { machine, engines, steps } = report
  console.log(
    `selfsup ${manifest.version}, Node ${machine.node}${nodeAdvice(machine.node)}, ${machine.platform}`,
  )
  console.log(`${machine.processor}, ${machine.cores} cores, ${(machine.memory / 2 ** 30).toFixed(1)} GiB`)
  console.log(machine.gpus.length > 0 ? `GPU: ${machine.gpus.join('; ')}` : 'GPU: none found (nvidia-smi)')
  console.log('\nEngines, fastest first:')
  let chosen = false
  for (const { title, available, version, folder, reason, fix, code, path, adapter } of engines) {
    const mark = available ? (chosen ? ' ' : '*') : '-'
    chosen ||= available
    const state = available
      ? `${version ?? ''}${folder ? ` in ${folder}` : ''}`
      : withFix(reason!, { fix, code, path })
    console.log(` ${mark} ${title}: ${state}`)
    if (adapter) console.log(`     ${describeAdapter(adapter)}`)
  }
  console.log('\n* is used by default; --engine or SELFSUP_ENGINE chooses another.')
  if (steps) console.log(`\nSteps on native TensorFlow: ${describeSteps(steps)}.`)
  if (gpuProblem) console.log(`\nThe GPU can't be used: ${gpuProblem}`)
  else if (steps?.gpu) console.log('The GPU computes a convolution, a product and a sum correctly.')
  for (const line of installations?.flatMap(describeVerification) ?? []) console.log(line)
  return exitCode
}

/**
 * Starts native TensorFlow if it would use a GPU. It then compares what the GPU computes with the processor.
 * @returns the problem and its fix in one line; undefined if there is none
 */
export async function checkGpu(
  steps: Pick<StepsReport, 'gpu'> | undefined,
  start: () => Promise<Pick<Engine, 'gpu'>> = () => startEngine('tensorflow'),
): Promise<string | undefined> {
  if (!steps?.gpu) return undefined
  try {
    const { gpu } = await start()
    return gpu ? undefined : 'TensorFlow found no GPU that it supports, and computes on the processor'
  } catch (error) {
    if (!(error instanceof SelfsupError)) throw error
    const { problem, fix, code, path } = error
    return withFix(problem, { fix, code, path })
  }
}

/** One line: `NVIDIA L4; shader-f16, subgroups; buffers up to 2.0 GiB`. */
function describeAdapter({ name, software, features, limits }: AdapterReport): string {
  return [
    software ? `${name}: computes on the processor, for tests only` : name,
    features.length > 0 ? features.join(', ') : 'no optional features',
    `buffers up to ${(limits.maxStorageBufferBindingSize / 2 ** 30).toFixed(1)} GiB`,
    `${limits.maxStorageBuffersPerShaderStage} buffers per program`,
  ].join('; ')
}

async function verified() {
  const { verifyInstallations } = await import('@selfsup/tensorflow')
  return verifyInstallations()
}

/** The result of verifying an installation, and what to do. */
function describeVerification({ name, verified, unknown, problems }: Verified): string[] {
  const again = `selfsup engine remove ${name} && selfsup engine install${name.includes('-cuda-') ? ' --cuda' : ''}`
  if (problems.length > 0)
    return [`\n${name} is damaged; run: ${again}`, ...problems.map((line) => ` - ${line}`)]
  if (unknown > 0)
    return [
      `\n${name}: ${verified} files verified by SHA-256, ${unknown} have no stored hash (installed by an earlier version); to store them run: ${again}`,
    ]
  return [`\n${name}: ${verified} files verified by SHA-256.`]
}

interface Verified {
  readonly name: string
  readonly verified: number
  readonly unknown: number
  readonly problems: readonly string[]
}

/** A remark on the version of Node; empty for tested versions. */
export function nodeAdvice(version: string): string {
  const major = Number(/\d+/.exec(version)?.[0])
  if (major < 20) return ' (too old: Node 20 or newer is needed)'
  return major > 24 || major % 2 === 1 ? ' (untested; tested versions: 20, 22 and 24)' : ''
}

/** One line: `on the processor; compiled; without XLA; mixed precision off; 2 threads per operation, …; oneDNN on`. */
export function describeSteps(steps: StepsReport): string {
  const { compiled, xla, mixedPrecision, fastInBfloat16, threads, operations, oneDnn, gpu } = steps
  const parts = [
    gpu ? 'on the GPU' : 'on the processor',
    compiled ? 'compiled' : 'not compiled (SELFSUP_EAGER, or tfjs-node)',
    `${xla ? 'with' : 'without'} XLA${xla === 'auto' ? ' for steps that are called often' : ''}`,
    mixedPrecision === 'off'
      ? `mixed precision off${fastInBfloat16 ? '' : ' (no AMX, AVX512-BF16 or GPU)'}`
      : `mixed precision: products of networks in ${mixedPrecision}${fastInBfloat16 ? '' : ' (emulated: not faster here)'}, everything else in float32`,
    `${counted(threads, 'thread')} per operation, ${counted(operations, 'operation')} at a time`,
    `oneDNN ${oneDnn ? 'on' : 'off'}`,
  ]
  return parts.join('; ')
}
