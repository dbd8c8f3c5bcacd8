import { PassThrough } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { describe as describeProgress, type Progress, progressView } from './progress.js'

const progress: Progress = {
  epoch: 2,
  epochs: 200,
  step: 120,
  totalSteps: 39_000,
  loss: 4.83124,
  learningRate: 0.06,
  imagesPerSecond: 512.3,
  secondsLeft: 303,
  spread: 0.874,
}

function stream(terminal: boolean, columns = 140): { stream: NodeJS.WriteStream; text(): string } {
  const sink = new PassThrough()
  const chunks: string[] = []
  sink.on('data', (chunk) => chunks.push(String(chunk)))
  return {
    stream: Object.assign(sink, { isTTY: terminal, columns }) as unknown as NodeJS.WriteStream,
    text: () => chunks.join(''),
  }
}

test('describes progress in one line', () => {
  expect(describeProgress(progress)).toBe(
    'epoch 3/200  step 120/39000  loss 4.8312  lr 0.0600  512 images/s  5 min 3 s left  spread 0.87',
  )
  expect(describeProgress({ ...progress, spread: 0.01 })).toContain('spread 0.01 (collapsing?)')
})

test('redraws a bar on a terminal', () => {
  const { stream: out, text } = stream(true)
  const view = progressView(out)
  view.show(progress)
  view.note('saved')
  view.end()
  expect(text()).toMatch(/░+ epoch 3\/200/)
  expect(text()).toContain('\r\x1b[2Ksaved\n')
})

test.each([140, 100, 80, 60, 20])(
  'fits %i columns by shortening the bar and leaving out the least important parts',
  (columns) => {
    const { stream: out, text } = stream(true, columns)
    progressView(out).show(progress)
    expect(text().length).toBeLessThan(columns)
    if (columns >= 80) expect(text()).toMatch(/left {2}spread 0.87$/)
    if (columns >= 100) expect(text()).toContain('512 images/s')
  },
)

test('prints JSON lines for a script, including the result', () => {
  const lines: string[] = []
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0)
  const view = progressView(stream(true).stream, { json: true })
  view.note('Engine')
  view.show(progress)
  view.result({ step: 3 })
  write.mockRestore()
  expect(lines.map((line) => JSON.parse(line).event)).toEqual(['note', 'step', 'end'])
})

test('prints plain lines elsewhere, fewer than one per step', () => {
  const { stream: out, text } = stream(false)
  const view = progressView(out)
  for (let step = 1; step <= 50; step++) view.show({ ...progress, step })
  expect(text().split('\n').filter(Boolean)).toHaveLength(1)
  expect(text()).not.toContain('\x1b')
})

test.each([true, false])('what takes long is shown at once and with its time (terminal: %s)', (terminal) => {
  vi.useFakeTimers()
  const { stream: out, text } = stream(terminal)
  const view = progressView(out)
  view.phase('Compiling')
  expect(text()).toBe(terminal ? 'Compiling …' : 'Compiling …\n')
  vi.advanceTimersByTime(10_000)
  expect(text()).toContain('Compiling … 10 s')
  view.show({ ...progress, secondsLeft: undefined })
  const shown = text()
  expect(shown).toContain('512 images/s  spread')
  vi.advanceTimersByTime(60_000)
  expect(text()).toBe(shown)
  view.phase('Saving')
  view.end()
  vi.advanceTimersByTime(60_000)
  expect(text()).not.toContain('Saving … 1')
  vi.useRealTimers()
})

test('plain lines of a short run show every step, of a long one every ten seconds', () => {
  const lines = (totalSteps: number) => {
    const { stream: out, text } = stream(false)
    const view = progressView(out)
    for (let step = 1; step <= 5; step++) view.show({ ...progress, step, totalSteps })
    return text().trim().split('\n').length
  }
  expect(lines(50)).toBe(5)
  expect(lines(51)).toBe(1)
})
