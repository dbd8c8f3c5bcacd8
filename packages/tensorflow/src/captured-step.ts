import { SelfsupError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { TensorflowBackend } from './backend.js'
import type { Xla } from './settings.js'
import { type TensorTree, tensorTree } from './tensor-tree.js'

/** How steps are compiled. */
export interface CompileOptions {
  /**
   * By XLA, which takes longer to compile, and is an error where it lacks an operation; 'auto': where it has all, and
   * `calls` are enough. Default as the backend was loaded: 'auto' on GPUs, false on processors, where it is slower.
   */
  readonly xla?: Xla
  /** `float32`: all of it computes in float32, whatever mixed precision the backend was loaded with */
  readonly precision?: 'float32'
  /** about how often it will be called; default too seldom for XLA */
  readonly calls?: number
  /** forms of arguments that are kept compiled; the one that was not used for longest gives way. Default 16 */
  readonly captures?: number
}

/** A step that was captured, as a function of TensorFlow's. */
interface Captured {
  readonly name: string
  /** where each of the function's inputs comes from */
  readonly inputs: readonly Source[]
  /** shape and type of each output: what the step returns, then the new values of `assigned` */
  readonly outputs: readonly { readonly shape: number[]; readonly dtype: tf.DataType }[]
  readonly returned: number
  readonly result: TensorTree['with']
  readonly assigned: readonly tf.Variable[]
  /** tensors from outside that are neither arguments nor variables, held as long as the function */
  readonly held: readonly tf.Tensor[]
}

type Source = { readonly argument: number } | { readonly tensor: tf.Tensor }

/**
 * Calls from which on XLA may gain by itself what its compiling costs, which was not timed: about half a minute for a training
 * step, against 32 ms gained at each call by a ResNet-18 on 512 pictures, and 5 ms by a small network (measured on an H200).
 */
const WORTH_XLA = 2000

let functions = 0

/**
 * Compiles a step into functions of TensorFlow's: the first call for each combination of the arguments' shapes, types
 * and plain values captures it, running nothing: every kernel adds to a graph, as do gradients and optimisers, which
 * only call more kernels. This and each later call is then one execution, in line behind those before. Variables that
 * the step reads or assigns become inputs and outputs of the function.
 * @returns the step; inside another compiled step, or where a gradient is being taken, it runs as it is
 */
export function compileStep<Args extends unknown[], Result extends tf.TensorContainer>(
  backend: TensorflowBackend,
  step: (...args: Args) => Result,
  { xla: wanted = backend.xla, calls = 0, captures: most = 16, precision }: CompileOptions = {},
): ((...args: Args) => Result) & { readonly captures: number; dispose(): void } {
  const mixed = precision !== 'float32' && backend.mixedPrecision === 'bfloat16'
  // Whoever asked for bfloat16 on a GPU did so for speed.
  const worthIt = calls >= WORTH_XLA || mixed
  const xla = wanted === 'auto' && !worthIt ? false : wanted
  const captures = new Map<string, Captured>()
  let warned = false

  const call = (...args: Args): Result => {
    const { gradientDepth } = tf.engine().state
    if (backend.functions.capturing || gradientDepth > 0) return tf.tidy(() => step(...args))
    const given = tensorTree(args)
    let captured = captures.get(given.form)
    captures.delete(given.form)
    captured ??= capture(backend, step, given, xla, mixed) ?? capture(backend, step, given, false, mixed)!
    captures.set(given.form, captured) // the last used comes last
    if (captures.size > most) dropOldest()
    return run(backend, captured, given.tensors) as Result
  }

  function dropOldest(): void {
    const forms = [...captures.keys()]
    if (!warned)
      console.warn(
        `a compiled step was captured for more than ${most} forms of its arguments, the last two ${forms.at(-2)} and ` +
          `${forms.at(-1)}: hand what changes from call to call over as tensors, not as plain values, and in few shapes`,
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
 * Captures one call of a step. Afterwards all variables are as they were.
 * @returns undefined where XLA was to compile it if it can, and cannot
 */
function capture<Args extends unknown[]>(
  backend: TensorflowBackend,
  step: (...args: Args) => tf.TensorContainer,
  given: TensorTree,
  xla: Xla,
  mixed: boolean,
): Captured | undefined {
  const variables = Object.values(tf.engine().registeredVariables)
  const name = `selfsup_step_${functions++}`
  // Tensors may share their values, as clones do. Under an identity of its own each is told from the others.
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

function run(backend: TensorflowBackend, captured: Captured, args: readonly tf.Tensor[]): unknown {
  const { name, inputs, outputs, returned, result, assigned } = captured
  const dataIds = inputs.map((source) => {
    const tensor = 'argument' in source ? args[source.argument]! : source.tensor
    if (tensor.isDisposed)
      throw new SelfsupError(`a compiled step uses ${nameOf(tensor)}, which was disposed of`)
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

/** A tensor of its own over values from outside, so that they last as long as the function. */
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
    `a compiled step makes variables (${made.map(({ name }) => name).join(', ')}); make them before, so that each call finds them`,
    { code: 'not-capturable' },
  )
}

function noRandom(): never {
  throw new SelfsupError(
    'a compiled step draws random numbers on the host (Math.random); they would be the same in every step: draw with randomUniform or randomNormal of @selfsup/kernels and the step’s seed',
    { code: 'not-capturable' },
  )
}
