import { type MethodOption, type OptionValue, resolveOptions, SelfsupError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { lossesOf } from './steps.js'
import { batchFor, makeMethod, type Subject, withMethod } from './subject.js'

/** Every value at the bounds of every option works and is written down; what is just outside is refused by name. */
export async function keepsItsBounds(subject: Subject): Promise<void> {
  for (const [name, option] of Object.entries(subject.definition.options)) {
    for (const value of insideOf(option, subject.settings.samples?.[name]))
      await accepts(subject, name, value)
    for (const value of outsideOf(option)) refuses(subject, name, value)
  }
  refuses(subject, 'noSuchOption', 1)
}

/** A value works if it does with one of the kinds of images that the method takes: grey views need grey images. */
async function accepts(subject: Subject, name: string, value: OptionValue): Promise<void> {
  const what = `option ${name} = ${value}`
  let refusal: SelfsupError | undefined
  for (const channels of subject.settings.channels ?? [3, 1]) {
    refusal = await refusalOf(subject, name, value, channels)
    if (!refusal) return
  }
  if (subject.settings.conflicts?.includes(name) && refusal!.message.includes(name)) return
  throw new Error(`${what} is within its bounds and was refused: ${refusal!.message}`, { cause: refusal })
}

async function refusalOf(
  subject: Subject,
  name: string,
  value: OptionValue,
  channels: 1 | 3,
): Promise<SelfsupError | undefined> {
  const what = `option ${name} = ${value}`
  try {
    await withMethod(subject, { options: { [name]: value }, channels }, (method) => {
      const given = { ...subject.settings.options, [name]: value }
      const resolved = resolveOptions(subject.definition, given)
      expect(method.options, `${what}: what is written down with a run`).toEqual(resolved)
      const losses = tf.tidy(() => lossesOf(method, batchFor(subject, method, channels)))
      for (const { phase, loss } of losses)
        expect(loss, `${what}: the loss of phase ${phase}`).toSatisfy(Number.isFinite)
    })
  } catch (error) {
    if (error instanceof SelfsupError) return error
    throw error
  }
}

function refuses(subject: Subject, name: string, value: unknown): void {
  const what = `option ${name} = ${value}`
  let error: unknown
  try {
    // Past the check of the contract's own preparation: the method itself must refuse.
    const made = makeMethod({ ...subject, definition: { ...subject.definition, create: createWith } })
    made.dispose()
  } catch (thrown) {
    error = thrown
  }
  expect(error, `${what} is out of bounds and was accepted`).toBeDefined()
  expect(error, `${what} must be refused with a SelfsupError`).toBeInstanceOf(SelfsupError)
  expect((error as Error).message, `${what}: the message must name the option`).toContain(name)

  function createWith(...[backbone, given, context]: Parameters<typeof subject.definition.create>) {
    const wrong = { ...given, [name]: value } as Partial<Record<string, OptionValue>>
    return subject.definition.create(backbone, wrong, context)
  }
}

/** Values at the bounds; without an upper bound, the next whole step above the lower one. */
function insideOf(option: MethodOption, samples?: readonly OptionValue[]): readonly OptionValue[] {
  if (option.type === 'boolean') return [true, false]
  if (option.type === 'choice') return option.choices
  const { min, max } = option
  // A default may be a word for what depends on the rest, such as 'auto'.
  const standard: OptionValue = option.default
  const word = typeof standard === 'string' ? [standard] : []
  if (samples) return [...word, ...samples]
  if (min === undefined && max === undefined) return [...word, -1, 0, 1]
  return [...word, min ?? max! - 1, max ?? min! + 1]
}

/** Values just outside, of a wrong kind, and no number at all. */
function outsideOf(option: MethodOption): unknown[] {
  if (option.type === 'boolean') return [1, 'true']
  if (option.type === 'choice') return ['no-such-choice', 1]
  const { min, max, integer } = option
  const by = (bound: number) => (integer ? 1 : Math.max(1e-6, Math.abs(bound) * 1e-6))
  return [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '1',
    ...(min === undefined ? [] : [min - by(min)]),
    ...(max === undefined ? [] : [max + by(max)]),
    ...(integer ? [(min ?? 0) + 0.5] : []),
  ]
}
