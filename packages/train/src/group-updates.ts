import {
  expected,
  type LearningRates,
  type Method,
  type OptimizerSettings,
  type ParameterGroup,
  type Step,
} from '@selfsup/core'
import {
  adamw,
  biasesAndNorms,
  clipGradients,
  lars,
  noVariables,
  type Optimizer,
  sgd,
  type Variables,
} from '@selfsup/optim'
import type * as tf from '@tensorflow/tfjs-core'
import { type TrainedWeights, trainedWeights } from './trained-weights.js'
import { groupsOf, phaseWeights, pick, type WeightGroup } from './weight-groups.js'

/** Updates the weights of a method, for all of its phases. */
export interface GroupUpdates {
  /** weights that each phase trains, by name */
  readonly trained: Readonly<Record<string, TrainedWeights>>
  /** state of the optimisers, by the names in a checkpoint */
  readonly slots: Readonly<Record<string, tf.Variable>>
  /** Updates weights with gradients, which are given by the weights' names. */
  apply(gradients: Readonly<Record<string, tf.Tensor>>, rates: LearningRates, step: Step): void
  dispose(): void
}

/** A group of weights with its optimisers. */
interface Group extends Pick<ParameterGroup, 'learningRate'> {
  readonly names: readonly string[]
  readonly clipNorm: number | undefined
  readonly optimizers: readonly {
    readonly key: string
    readonly names: Set<string>
    readonly optimizer: Optimizer
  }[]
}

/**
 * Creates the optimisers of a method. Within a group, weights that are trained by the same set of phases share an optimiser.
 * So an optimiser counts only the steps that train its weights, and each weight has one optimiser state for all phases.
 * @throws SelfsupError if phases or groups name unknown weights, or a weight is in two groups or in no phase
 */
export function groupUpdates(method: Method, settings: OptimizerSettings): GroupUpdates {
  const weights = trainedWeights(method)
  const trained = phaseWeights(method, weights)
  const groups = Object.entries(groupsOf(method, weights)).map(([name, group]) =>
    withOptimizers(name, group, settings, weights, trained),
  )
  const optimizers = groups.flatMap((group) => group.optimizers)

  return {
    trained,
    slots: Object.fromEntries(
      optimizers.flatMap(({ key, optimizer }) =>
        Object.entries(optimizer.slots).map(([slot, variable]) => [`${key}/${slot}`, variable]),
      ),
    ),
    apply(gradients, rates, step) {
      for (const { names, clipNorm, optimizers, learningRate } of groups) {
        const own = pick(gradients, names)
        const clipped = clipNorm === undefined ? own : clipGradients(own, clipNorm)
        for (const { names, optimizer } of optimizers) {
          const part = pick(clipped, names)
          if (Object.keys(part).length > 0)
            optimizer.apply(part, { learningRate: learningRate?.(rates, step) ?? rates.scheduled })
        }
      }
    },
    dispose() {
      for (const { optimizer } of optimizers) optimizer.dispose()
    },
  }
}

function withOptimizers(
  name: string,
  { names, optimizer: own = {}, learningRate }: WeightGroup,
  run: OptimizerSettings,
  weights: TrainedWeights,
  trained: Readonly<Record<string, TrainedWeights>>,
): Group {
  // A different optimiser uses its own defaults; the run's optimiser uses the run's settings.
  const settings: OptimizerSettings =
    'name' in own && own.name !== run.name ? own : ({ ...run, ...own } as OptimizerSettings)
  const sets = new Map<string, string[]>()
  for (const weight of names) {
    const phases = Object.keys(trained).filter((phase) => Object.hasOwn(trained[phase]!, weight))
    const set = phases.join('+')
    sets.set(set, [...(sets.get(set) ?? []), weight])
  }
  const optimizers = [...sets].map(([set, members]) => ({
    key: sets.size > 1 ? `${name}:${set}` : name,
    names: new Set(members),
    optimizer: optimizerOf(settings, pick(weights, members)),
  }))
  return { names, clipNorm: settings.clipNorm, optimizers, learningRate }
}

function optimizerOf({ exclude, clipNorm, ...settings }: OptimizerSettings, variables: Variables): Optimizer {
  expected(
    clipNorm === undefined || clipNorm > 0,
    `${settings.name}: clipNorm must be above 0; got ${clipNorm}`,
  )
  const leaveOut = exclude ?? (settings.name === 'sgd' ? 'nothing' : 'biases-and-norms')
  const options = { exclude: leaveOut === 'nothing' ? noVariables : biasesAndNorms }
  switch (settings.name) {
    case 'sgd':
      return sgd(variables, { ...settings, ...options })
    case 'lars':
      return lars(variables, { ...settings, ...options })
    case 'adamw':
      return adamw(variables, { ...settings, ...options })
  }
}
