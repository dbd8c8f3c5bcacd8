import { SelfsupError } from '@selfsup/core'

/** Functions of TensorFlow.js that draw random numbers in JavaScript, as named in stack traces. */
const drawing =
  /\b(randomUniform|randomNormal|truncatedNormal|randomStandardNormal|randomGamma|dropout|rand)_\b/

/** Rejects random numbers drawn on the host while a step is captured: they would be the same in every step. */
export function assertNoHostRandomness(): void {
  const found = drawing.exec(calls())
  if (found)
    throw new SelfsupError(
      `a compiled step draws random numbers on the host (${found[1]})${inCode()}, which would be the same in every step`,
      {
        code: 'not-capturable',
        fix: "draw with randomUniform or randomNormal of @selfsup/kernels and the step's seed",
      },
    )
}

/** This package's folder; error locations skip its files. */
const here = new URL('.', import.meta.url).pathname

/** The current stack trace, with more frames than the default. */
function calls(): string {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 50
  const { stack = '' } = new Error()
  Error.stackTraceLimit = stackTraceLimit
  return stack
}

/** The current location in the user's code, for a message: ` at file:line`. */
export function inCode(): string {
  const lines = calls().split('\n').slice(1)
  const foreign = (line: string) => /@tensorflow|node:|<anonymous>/.test(line)
  const own = (line: string) => line.includes(here) && !line.includes('.test.')
  const place = lines.find((line) => !foreign(line) && !own(line))?.match(/\(?([^\s()]+:\d+):\d+\)?$/)
  return place ? ` at ${place[1]!.replace('file://', '')}` : ''
}
