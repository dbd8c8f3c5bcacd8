import { isMainThread, parentPort, workerData } from 'node:worker_threads'

/** Signals that end a run with its last step saved: Ctrl-C, Ctrl-\\, `kill`, and a closed terminal or SSH connection. */
export const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const satisfies readonly NodeJS.Signals[]

/**
 * An abort signal for Ctrl-C, SIGTERM, SIGHUP and SIGQUIT: a run then finishes its step, saves and ends. A second signal exits
 * immediately, except that of a closing terminal, which often follows another one.
 * @param onFirst called at the first signal, to tell the user what happens
 */
export function interruptible(onFirst: () => void): { signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  const stop = (signal: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      controller.abort()
      onFirst()
    } else if (signal !== 'SIGHUP') process.exit(130)
  }
  const release = onThreadSignal(stop) ?? onSignal(stop)
  return { signal: controller.signal, release }
}

function onSignal(stop: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of signals) process.on(signal, stop)
  return () => {
    for (const signal of signals) process.off(signal, stop)
  }
}

/** On a command's thread (command-thread.ts) only the main thread receives signals, and passes them on as messages. */
function onThreadSignal(stop: (signal: NodeJS.Signals) => void): (() => void) | undefined {
  if (isMainThread || !parentPort || !workerData?.selfsupCommand) return undefined
  const port = parentPort
  const onMessage = (signal: NodeJS.Signals) => {
    port.postMessage({ kind: 'obeying' })
    stop(signal)
  }
  port.on('message', onMessage)
  port.unref()
  port.postMessage({ kind: 'interruptible', interruptible: true })
  return () => {
    port.off('message', onMessage)
    port.postMessage({ kind: 'interruptible', interruptible: false })
  }
}
