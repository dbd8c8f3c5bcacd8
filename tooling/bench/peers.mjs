import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Python with lightly, torch and scikit-learn: $SELFSUP_PEERS_PYTHON, or an environment that is created once under .cache/peers.
 * @returns its path; undefined if it can't be created, with the reason on stderr
 */
export function peersPython() {
  if (process.env.SELFSUP_PEERS_PYTHON) return process.env.SELFSUP_PEERS_PYTHON
  const folder = fileURLToPath(new URL('../../.cache/peers', import.meta.url))
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  const ready = join(folder, 'ready-3') // increase the number when another package is needed
  if (existsSync(ready)) return python
  console.error('Creating the Python environment of the peers in .cache/peers; this takes some minutes, once')
  mkdirSync(folder, { recursive: true })
  /** @type {readonly (readonly [string, readonly string[]])[]} */
  const commands = [
    ['python3', ['-m', 'venv', folder]],
    [
      python,
      [
        ...['-m', 'pip', 'install', '-q', 'torch', 'torchvision', 'lightly==1.6.*', 'scikit-learn'],
        ...['timm', 'onnx', 'onnxruntime', 'safetensors'], // programs that open exported models
      ],
    ],
  ]
  for (const [command, args] of commands) {
    const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
    if (status === 0) continue
    const reason = error ? error.message : `${command} ${args.slice(0, 3).join(' ')} failed`
    console.error(
      `The peers are not available, only ours will run: ${reason}. You can set SELFSUP_PEERS_PYTHON to a Python with torch, torchvision, lightly and scikit-learn (and timm, onnx, onnxruntime, safetensors for the benchmark export).`,
    )
    return undefined
  }
  writeFileSync(ready, '')
  return python
}
