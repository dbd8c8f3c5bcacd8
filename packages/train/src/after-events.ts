/** Resolves after the events that wait have been handled: timers, signals and messages. */
export function afterEvents(): Promise<void> {
  if (typeof setImmediate === 'function') return new Promise((resolve) => setImmediate(resolve))
  // A timer of 0 ms waits for 4 ms in browsers.
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    const receiver: { onmessage?: () => void } = port1 as never
    receiver.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}
