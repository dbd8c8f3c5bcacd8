/**
 * An abort signal for Ctrl-C and SIGTERM: a run then finishes its step, saves and ends. The second Ctrl-C exits
 * immediately.
 * @param onFirst called at the first Ctrl-C, to tell the user what happens
 */
export function interruptible(onFirst: () => void): { signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  const stop = () => {
    if (controller.signal.aborted) process.exit(130)
    onFirst()
    controller.abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return {
    signal: controller.signal,
    release() {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
    },
  }
}
