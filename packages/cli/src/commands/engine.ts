import { withFix } from '../fixes.js'
import { progressView } from '../progress.js'
import { table } from '../table.js'

/** `selfsup engine install`: installs the native engine, or prints what is missing. */
export async function installEngine({ cuda }: { cuda?: boolean }): Promise<number> {
  const { installFastestEngine } = await import('@selfsup/engine')
  const { hasNvidiaDriver } = await import('@selfsup/tensorflow')
  const view = progressView()
  let shown = ''
  const { fastest, message, ...problem } = await installFastestEngine({
    cuda,
    onProgress: (progress) => {
      if (progress.stage + progress.message === shown || progress.stage === 'unpack') return
      shown = progress.stage + progress.message
      view.note(progress.message)
    },
  })
  view.note(withFix(message, { ...problem, cuda }))
  if (fastest && cuda && !hasNvidiaDriver())
    view.note(
      'No NVIDIA driver was found (nvidia-smi): the engine computes on the processor until one is installed.',
    )
  if (fastest && !cuda && hasNvidiaDriver() && process.platform === 'linux' && process.arch === 'x64')
    view.note('This machine has an NVIDIA GPU; to compute on it run: selfsup engine install --cuda')
  return fastest ? 0 : 1
}

/** `selfsup engine list`: lists installations with folder, size and state. */
export async function listEngines({ json }: { json?: boolean }): Promise<number> {
  const { listInstallations } = await import('@selfsup/tensorflow')
  const found = await listInstallations()
  if (json) {
    console.log(JSON.stringify(found))
    return 0
  }
  if (found.length === 0) {
    console.log(withFix('No native engine is installed', { code: 'engine-missing' }))
    return 0
  }
  const rows = found.map(({ name, version, bytes, taken, works, reason, users }) => [
    `${taken ? '*' : ' '} ${name}`,
    version ?? '-',
    `${(bytes / 1e9).toFixed(2)} GB`,
    [works === undefined ? 'not checked' : works ? 'works' : `does not work: ${reason}`, ...used(users)].join(
      ', ',
    ),
  ])
  console.log(table(['engine', 'TensorFlow', 'on disk', 'state'], rows))
  for (const { name, folder } of found) console.log(`${name}: ${folder}`)
  console.log('\n* is used by default. To remove an installation: selfsup engine remove NAME')
  return 0
}

function used(processes: readonly number[]): string[] {
  return processes.length > 0 ? [`in use by process ${processes.join(', ')}`] : []
}

/** `selfsup engine remove`: removes installations by name, or all. */
export async function removeEngines(names: readonly string[], { all }: { all?: boolean }): Promise<number> {
  const { listInstallations, removeInstallations } = await import('@selfsup/tensorflow')
  if (!all && names.length === 0) {
    const { SelfsupError } = await import('@selfsup/core')
    const installed = (await listInstallations({ check: false })).map(({ name }) => name)
    throw new SelfsupError(
      `engine remove: expected names or --all; installed: ${installed.join(', ') || 'nothing'}`,
    )
  }
  const removed = await removeInstallations(all ? 'all' : names)
  console.log(removed.length > 0 ? `Removed ${removed.join(', ')}.` : 'Nothing was installed.')
  return 0
}
