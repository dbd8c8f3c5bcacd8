import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { runOnThread } from './command-thread.js'

let printed = ''
beforeEach(() => {
  printed = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed += text
    return true
  })
})
afterEach(() => vi.restoreAllMocks())

/** A script that says hello, computes without a pause, and then obeys signals as a command does. */
function computing(milliseconds: number, interruptible = true): URL {
  const source = `
    import { parentPort } from 'node:worker_threads'
    parentPort.on('message', () => {
      parentPort.postMessage({ kind: 'obeying' })
      parentPort.postMessage({ kind: 'end', code: 130 })
      process.exit(0)
    })
    parentPort.postMessage({ kind: 'interruptible', interruptible: ${interruptible} })
    parentPort.postMessage({ text: 'hello', to: 'stderr' })
    const end = Date.now() + ${milliseconds}
    while (Date.now() < end);
    setTimeout(() => process.exit(3), 2000)`
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`)
}

const said = (text: string) =>
  vi.waitFor(() => expect(printed).toContain(text), { timeout: 5000, interval: 10 })

test('what a computing command has printed appears at once, and then the time', async () => {
  const ended = runOnThread(computing(1200), [], { silent: 100 })
  await said('hello')
  await said('Computing … ')
  process.emit('SIGTERM', 'SIGTERM')
  expect(await ended).toBe(130)
})

test('a command that computes for too long after a signal is ended without it, at a second signal at once', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never)
  const ended = runOnThread(computing(1500), [], { grace: 600 })
  await said('hello')
  process.emit('SIGTERM', 'SIGTERM')
  expect(exit).not.toHaveBeenCalled()
  process.emit('SIGHUP', 'SIGHUP')
  expect(exit).not.toHaveBeenCalled()
  process.emit('SIGINT', 'SIGINT')
  expect(exit).toHaveBeenLastCalledWith(130)
  await said('Waiting for the current step')
  await said('ended without it')
  expect(exit).toHaveBeenLastCalledWith(143)
  expect(await ended).toBe(130)
})

test('a signal ends a command that has nothing to save at once', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never)
  const before = process.listenerCount('SIGINT')
  const ended = runOnThread(computing(0, false), [])
  await said('hello')
  process.emit('SIGINT', 'SIGINT')
  expect(exit).toHaveBeenCalledExactlyOnceWith(130)
  expect(await ended).toBe(130)
  expect(process.listenerCount('SIGINT')).toBe(before)
})
