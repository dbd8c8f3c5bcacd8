import { SelfsupError } from '@selfsup/core'

/** The functions of TensorFlow.js that draw in JavaScript, as its stack names them. */
const drawing =
  /\b(randomUniform|randomNormal|truncatedNormal|randomStandardNormal|randomGamma|dropout|rand)_\b/

/** Numbers drawn on the host while a step is captured would be the same in every step. */
export function assertNoHostRandomness(): void {
  const found = drawing.exec(calls())
  if (found)
    throw new SelfsupError(
      `a compiled step draws random numbers on the host (${found[1]})${inCode()}; they would be the same in every step: draw with randomUniform or randomNormal of @selfsup/kernels and the step's seed`,
      { code: 'not-capturable' },
    )
}

/** This package's own files, which errors do not point at. */
const here = new URL('.', import.meta.url).pathname

/** The calls that led here, more of them than an error usually keeps. */
function calls(): string {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 50
  const { stack = '' } = new Error()
  Error.stackTraceLimit = stackTraceLimit
  return stack
}

/** Where in the user's code this happens, for a message: ` at file:line`. */
export function inCode(): string {
  const lines = calls().split('\n').slice(1)
  const foreign = (line: string) => /@tensorflow|node:|<anonymous>/.test(line)
  const own = (line: string) => line.includes(here) && !line.includes('.test.')
  const place = lines.find((line) => !foreign(line) && !own(line))?.match(/\(?([^\s()]+:\d+):\d+\)?$/)
  return place ? ` at ${place[1]!.replace('file://', '')}` : ''
}
