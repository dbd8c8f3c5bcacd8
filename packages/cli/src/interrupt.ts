/** Signals that end a run with its last step saved: Ctrl-C, Ctrl-\, `kill`, and a closed terminal or SSH connection. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const satisfies readonly NodeJS.Signals[]

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
  for (const signal of signals) process.on(signal, stop)
  return {
    signal: controller.signal,
    release() {
      for (const signal of signals) process.off(signal, stop)
    },
  }
}
