import { SelfsupError, type TensorTree, tensorTree } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { TensorflowBackend } from './backend.js'
import type { Xla } from './settings.js'

/** How steps are compiled. */
export interface CompileOptions {
  /**
   * Compile with XLA. Compiling takes longer, and an operation that XLA does not support is an error. 'auto': use XLA if
   * it supports all operations and `calls` is large enough. Default: the backend's setting, which is 'auto' on GPUs and
   * false on CPUs, where XLA is slower.
   */
  readonly xla?: Xla
  /** `float32`: the whole step computes in float32, whatever the backend's mixed precision */
  readonly precision?: 'float32'
  /** approximate number of calls; the default is too low for XLA */
  readonly calls?: number
  /** number of argument forms that stay compiled; the least recently used is dropped. Default 16 */
  readonly captures?: number
}

/** A captured step as a TensorFlow function. */
interface CapturedStep {
  readonly name: string
  /** source of each of the function's inputs */
  readonly inputs: readonly Source[]
  /** shape and type of each output: what the step returns, then the new values of `assigned` */
  readonly outputs: readonly { readonly shape: number[]; readonly dtype: tf.DataType }[]
  readonly returned: number
  readonly result: TensorTree['with']
  readonly assigned: readonly tf.Variable[]
  /** outside tensors that are neither arguments nor variables; kept as long as the function */
  readonly held: readonly tf.Tensor[]
}

type Source = { readonly argument: number } | { readonly tensor: tf.Tensor }

/**
 * Minimum number of calls for XLA to recover its compile time. That time is an estimate: about half a minute for a
 * training step. Measured on an H200, XLA saves 32 ms per call with a ResNet-18 on 512 images, and 5 ms with a small
 * network.
 */
const WORTH_XLA = 2000

let functions = 0

/**
 * Compiles a step into TensorFlow functions. The first call for each combination of the arguments' shapes, types and
 * plain values captures the step without running it: each kernel adds a node to a graph. Gradients and optimisers are
 * captured too, because they only call kernels. This call and each later one then queue a single execution. Variables
 * that the step reads or assigns become inputs and outputs of the function.
 * @returns the compiled step; inside another compiled step, or while a gradient is computed, it runs uncompiled
 */
export function compileStep<Args extends unknown[], Result extends tf.TensorContainer>(
  backend: TensorflowBackend,
  step: (...args: Args) => Result,
  { xla: wanted = backend.xla, calls = 0, captures: most = 16, precision }: CompileOptions = {},
): ((...args: Args) => Result) & { readonly captures: number; dispose(): void } {
  const mixed = precision !== 'float32' && backend.mixedPrecision === 'bfloat16'
  // bfloat16 on a GPU is only chosen for speed.
  const worthIt = calls >= WORTH_XLA || mixed
  const xla = wanted === 'auto' && !worthIt ? false : wanted
  const captures = new Map<string, CapturedStep>()
  let warned = false

  const call = (...args: Args): Result => {
    const { gradientDepth } = tf.engine().state
    if (backend.functions.capturing || gradientDepth > 0) return tf.tidy(() => step(...args))
    const given = tensorTree(args)
    let captured = captures.get(given.form)
    captures.delete(given.form)
    captured ??= capture(backend, step, given, xla, mixed) ?? capture(backend, step, given, false, mixed)!
    captures.set(given.form, captured) // the most recently used is last
    if (captures.size > most) dropOldest()
    return run(backend, captured, given.tensors) as Result
  }

  function dropOldest(): void {
    const forms = [...captures.keys()]
    if (!warned)
      console.warn(
        `a compiled step was captured for more than ${most} forms of its arguments; the last two are ${forms.at(-2)} and ` +
          `${forms.at(-1)}: pass values that change between calls as tensors instead of plain values, and use few shapes`,
      )
    warned = true
    drop(forms[0]!)
  }

  function drop(form: string): void {
    const { name, held } = captures.get(form)!
    captures.delete(form)
    backend.functions.remove(name)
    tf.dispose([...held])
  }

  return Object.defineProperty(
    Object.assign(call, {
      dispose() {
        for (const form of [...captures.keys()]) drop(form)
      },
    }),
    'captures',
    { get: () => captures.size },
  ) as typeof call & { readonly captures: number; dispose(): void }
}

/**
 * Captures one call of a step and restores all variables afterwards.
 * @returns undefined if `xla` is 'auto' and XLA cannot compile the step
 */
function capture<Args extends unknown[]>(
  backend: TensorflowBackend,
  step: (...args: Args) => tf.TensorContainer,
  given: TensorTree,
  xla: Xla,
  mixed: boolean,
): CapturedStep | undefined {
  const variables = Object.values(tf.engine().registeredVariables)
  const name = `selfsup_step_${functions++}`
  // Tensors may share their values, as clones do. A new data id for each makes them distinguishable.
  const args = given.tensors.map((tensor) => tf.keep(backend.renamed(tensor)))
  for (const variable of variables) rename(backend, variable)
  const before = variables.map((variable) => tf.keep(tf.clone(variable)))
  const random = Math.random
  Math.random = noRandom
  const leftovers: tf.Tensor[] = []
  try {
    let result: TensorTree | undefined
    let assigned: tf.Variable[] = []
    const inputs = backend.functions.capture(name, { xla, mixed }, () => {
      result = tensorTree(tf.tidy(() => step(...(given.with(args) as Args))))
      leftovers.push(...result.tensors)
      assertNoNewVariables(variables)
      assigned = variables.filter((variable, i) => variable.dataId !== before[i]!.dataId)
      return [...result.tensors, ...assigned]
    })
    if (!inputs) return undefined
    const { tensors } = result!
    const held: tf.Tensor[] = []
    const outputs = [...tensors, ...assigned].map(({ shape, dtype }) => ({ shape, dtype }))
    const sources = inputs.map((dataId): Source => {
      const argument = args.findIndex((arg) => arg.dataId === dataId)
      if (argument >= 0) return { argument }
      const variable = variables[before.findIndex((value) => value.dataId === dataId)]
      if (variable) return { tensor: variable }
      const tensor = holding(backend, dataId)
      held.push(tensor)
      return { tensor }
    })
    return { name, inputs: sources, outputs, returned: tensors.length, result: result!.with, assigned, held }
  } finally {
    Math.random = random
    for (const [i, variable] of variables.entries()) {
      if (variable.dataId !== before[i]!.dataId) variable.assign(before[i]!)
    }
    tf.dispose([...before, ...args, ...leftovers])
  }
}

function run(backend: TensorflowBackend, captured: CapturedStep, args: readonly tf.Tensor[]): unknown {
  const { name, inputs, outputs, returned, result, assigned } = captured
  const dataIds = inputs.map((source) => {
    const tensor = 'argument' in source ? args[source.argument]! : source.tensor
    if (tensor.isDisposed) throw new SelfsupError(`a compiled step uses ${nameOf(tensor)}, which is disposed`)
    return tensor.dataId
  })
  const results = backend.functions.call(name, dataIds, outputs)
  for (const [i, variable] of assigned.entries()) {
    const value = results[returned + i]!
    variable.assign(value)
    value.dispose()
  }
  return result(results.slice(0, returned))
}

function nameOf(tensor: tf.Tensor): string {
  return tensor instanceof tf.Variable ? `the variable ${tensor.name}` : `a tensor [${tensor.shape}]`
}

function rename(backend: TensorflowBackend, variable: tf.Variable): void {
  const renamed = backend.renamed(variable)
  variable.assign(renamed)
  renamed.dispose()
}

/** A new tensor that refers to outside values, so that they live as long as the function. */
function holding(backend: TensorflowBackend, dataId: tf.DataId): tf.Tensor {
  const { shape, dtype } = backend.functions.factsOf(dataId)
  backend.incRef(dataId)
  return tf.keep(tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype }))
}

function assertNoNewVariables(known: readonly tf.Variable[]): void {
  const all = Object.values(tf.engine().registeredVariables)
  const made = all.filter((variable) => !known.includes(variable))
  if (made.length === 0) return
  tf.dispose(made)
  throw new SelfsupError(
    `a compiled step creates variables (${made.map(({ name }) => name).join(', ')}), which every call would create again`,
    { code: 'not-capturable', fix: 'create variables before the step' },
  )
}

function noRandom(): never {
  throw new SelfsupError(
    'a compiled step draws random numbers on the host (Math.random), which would be the same in every step',
    {
      code: 'not-capturable',
      fix: 'draw with randomUniform or randomNormal of @selfsup/kernels and the step’s seed',
    },
  )
}
