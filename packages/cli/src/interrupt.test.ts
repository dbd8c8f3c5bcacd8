import { afterEach, expect, test, vi } from 'vitest'
import { interruptible } from './interrupt.js'

afterEach(() => {
  vi.restoreAllMocks()
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)(
  '%s ends a run with its last step saved',
  (signal) => {
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never)
    const onFirst = vi.fn()
    const before = process.listenerCount(signal)
    const interrupt = interruptible(onFirst)
    process.emit(signal, signal)
    expect(interrupt.signal.aborted).toBe(true)
    expect(onFirst).toHaveBeenCalledOnce()
    expect(exit).not.toHaveBeenCalled()
    process.emit('SIGHUP', 'SIGHUP') // the terminal closes while the run saves
    expect(exit).not.toHaveBeenCalled()
    process.emit('SIGINT', 'SIGINT')
    expect(exit).toHaveBeenCalledExactlyOnceWith(130)
    interrupt.release()
    expect(process.listenerCount(signal)).toBe(before)
  },
)
