/**
 * A signal that Ctrl-C (and SIGTERM) raises: the run then finishes its step, saves and ends. The second
 * Ctrl-C leaves at once.
 * @param onFirst told at the first one, to say what happens
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
