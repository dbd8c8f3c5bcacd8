import { SelfsupError, type TensorTree, tensorTree } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { TensorflowBackend } from './backend.js'
import type { Xla } from './settings.js'

/** How steps are compiled. */
export interface CompileOptions {
  /**
   * Compile with XLA. `true`: the first call waits for XLA, and an operation that XLA does not support is an error. 'auto':
   * use XLA if it supports all operations and `calls` is large enough; XLA compiles on another thread, and calls run without
   * it until it is done. Default: the backend's setting, which is 'auto' on GPUs and false on CPUs, where XLA is slower.
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

/** A compiled step. */
export type CompiledStep<Args extends unknown[], Result> = ((...args: Args) => Result) & {
  /** number of argument forms that are captured */
  readonly captures: number
  /** whether the last call ran what XLA compiled */
  readonly byXla: boolean
  /** whether XLA is compiling for the arguments' form of the last call, on another thread */
  readonly compiling: boolean
  /**
   * Captures the step for arguments of this form, if it is not captured, and waits for XLA if XLA compiles it. Later calls then
   * use what XLA compiled. Does not change variables.
   */
  prepare(...args: Args): Promise<void>
  dispose(): void
}

/** A step captured for one form of its arguments. */
interface Form {
  /** what calls run now */
  current: CapturedStep
  /** whether XLA compiled `current` */
  byXla: boolean
  /** what XLA compiles, until calls run it */
  next?: CapturedStep
  /** ends when XLA has compiled `next`; absent before it starts */
  compiling?: Promise<void>
  /** captured for XLA, which could not compile it because its cache was damaged; keeps the name until the form is dropped */
  readonly failed: CapturedStep[]
  compiled: boolean
  disposed: boolean
}

/**
 * Compiles a step into TensorFlow functions. The first call for each combination of the arguments' shapes, types and
 * plain values captures the step without running it: each kernel adds a node to a graph. Gradients and optimisers are
 * captured too, because they only call kernels. This call and each later one then queue a single execution. Variables
 * that the step reads or assigns become inputs and outputs of the function.
 *
 * With `xla: 'auto'` the step is captured twice, with XLA and without. Calls run the second until XLA has compiled the first, which
 * it does on another thread. The two add up in different orders, so their results differ by rounding.
 * @returns the compiled step; inside another compiled step, or while a gradient is computed, it runs uncompiled
 */
export function compileStep<Args extends unknown[], Result extends tf.TensorContainer>(
  backend: TensorflowBackend,
  step: (...args: Args) => Result,
  { xla: wanted = backend.xla, calls = 0, captures: most = 16, precision }: CompileOptions = {},
): CompiledStep<Args, Result> {
  const mixed = precision !== 'float32' && backend.mixedPrecision === 'bfloat16'
  // bfloat16 on a GPU is only chosen for speed.
  const worthIt = calls >= WORTH_XLA || mixed
  const xla = wanted === 'auto' && !worthIt ? false : wanted
  const forms = new Map<string, Form>()
  let warned = false
  let last: Form | undefined

  const call = (...args: Args): Result => {
    const { gradientDepth } = tf.engine().state
    if (backend.functions.capturing || gradientDepth > 0) return tf.tidy(() => step(...args))
    const given = tensorTree(args)
    const form = formOf(given)
    changeOver(form, given)
    last = form
    return run(backend, form.current, given.tensors) as Result
  }

  function formOf(given: TensorTree): Form {
    given.tensors.forEach(assertNotDisposed)
    const name = backend.functions.formOf(given)
    const known = forms.get(name)
    forms.delete(name)
    const form = known ?? captured(given)
    forms.set(name, form) // the most recently used is last
    if (forms.size > most) dropOldest()
    return form
  }

  function captured(given: TensorTree): Form {
    const state = { failed: [] as CapturedStep[], compiled: false, disposed: false }
    let next = xla === false ? undefined : capture(backend, step, given, xla, mixed)
    if (xla === 'auto' || !next) {
      const current = capture(backend, step, given, false, mixed)!
      return { current, byXla: false, ...(next && { next }), ...state }
    }
    if (!compiledNow(next, given)) {
      state.failed.push(next)
      next = capture(backend, step, given, xla, mixed)! // the call compiles it
    }
    return { current: next, byXla: true, ...state }
  }

  function compiledNow(next: CapturedStep, given: TensorTree): boolean {
    try {
      return backend.functions.compileNow(next.name, sourcesOf(next, given.tensors), next.outputs.length)
    } catch (error) {
      remove(next)
      throw error
    }
  }

  /** Starts to compile a form by XLA, or runs it from now on if that is done. */
  function changeOver(form: Form, given: TensorTree): void {
    if (!form.next) return
    if (form.compiled) {
      remove(form.current)
      Object.assign(form, { current: form.next, byXla: true, next: undefined, compiling: undefined })
      return
    }
    if (form.failed.at(-1) === form.next) form.next = capture(backend, step, given, xla, mixed)!
    form.compiling ??= compiledBy(form, form.next, sourcesOf(form.next, given.tensors))
  }

  async function compiledBy(form: Form, next: CapturedStep, inputs: readonly tf.DataId[]): Promise<void> {
    try {
      form.compiled = await backend.functions.compileMeanwhile(next.name, inputs, next.outputs.length)
      if (form.compiled || form.disposed) return
      if (form.failed.length > 0) throw new Error('its cache is damaged')
      form.failed.push(next)
      form.compiling = undefined // the next call captures and compiles again
    } catch (error) {
      if (!form.disposed)
        console.warn(
          `XLA could not compile a step, which runs without it: ${error instanceof Error ? error.message.split('\n')[0] : error}`,
        )
      form.next = undefined
      if (!form.disposed) remove(next)
    } finally {
      if (form.disposed) remove(next)
    }
  }

  function dropOldest(): void {
    const names = [...forms.keys()]
    if (!warned)
      console.warn(
        `a compiled step was captured for more than ${most} forms of its arguments; the last two are ${names.at(-2)} and ` +
          `${names.at(-1)}: pass values that change between calls as tensors instead of plain values, and use few shapes`,
      )
    warned = true
    drop(names[0]!)
  }

  function drop(name: string): void {
    const form = forms.get(name)!
    forms.delete(name)
    form.disposed = true
    remove(form.current)
    for (const failed of form.failed) remove(failed)
    const { next, compiling, compiled } = form
    if (!next || form.failed.includes(next)) return
    if (compiling && !compiled)
      tf.dispose([...next.held]) // its function is removed when XLA is done
    else remove(next)
  }

  function remove({ name, held }: CapturedStep): void {
    backend.functions.remove(name)
    tf.dispose([...held])
  }

  async function prepare(...args: Args): Promise<void> {
    const given = tensorTree(args)
    const form = formOf(given)
    while (form.next && !form.compiled && !form.disposed) {
      changeOver(form, given)
      await form.compiling
    }
    if (!form.disposed) changeOver(form, given)
  }

  return Object.defineProperties(
    Object.assign(call, {
      prepare,
      dispose() {
        for (const form of [...forms.keys()]) drop(form)
      },
    }),
    {
      captures: { get: () => forms.size },
      byXla: { get: () => last?.byXla ?? false },
      compiling: { get: () => last?.next !== undefined },
    },
  ) as CompiledStep<Args, Result>
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
    const captured = backend.functions.capture({ xla, mixed }, () => {
      result = tensorTree(tf.tidy(() => step(...(given.with(args) as Args))))
      leftovers.push(...result.tensors)
      assertNoNewVariables(variables)
      assigned = variables.filter((variable, i) => variable.dataId !== before[i]!.dataId)
      return [...result.tensors, ...assigned]
    })
    if (!captured) return undefined
    const { name, inputs } = captured
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
  const { name, outputs, returned, result, assigned } = captured
  const results = backend.functions.call(name, sourcesOf(captured, args), outputs)
  for (const [i, variable] of assigned.entries()) {
    const value = results[returned + i]!
    variable.assign(value)
    value.dispose()
  }
  return result(results.slice(0, returned))
}

/** The tensors that a captured step takes, now. */
function sourcesOf({ inputs }: CapturedStep, args: readonly tf.Tensor[]): tf.DataId[] {
  return inputs.map((source) => {
    const tensor = 'argument' in source ? args[source.argument]! : source.tensor
    assertNotDisposed(tensor)
    return tensor.dataId
  })
}

function assertNotDisposed(tensor: tf.Tensor): void {
  if (tensor.isDisposed) throw new SelfsupError(`a compiled step uses ${nameOf(tensor)}, which is disposed`)
}

function nameOf(tensor: tf.Tensor): string {
  return tensor instanceof tf.Variable ? `the variable ${tensor.name}` : `a tensor [${tensor.shape}]`
}

function rename(backend: TensorflowBackend, variable: tf.Variable): void {
  const renamed = backend.executeSingleInput('Identity', variable)
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
