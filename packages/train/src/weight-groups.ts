import { expected, type Method, type ParameterGroup, phasesOf } from '@selfsup/core'
import { type TrainedWeights, weightsNamed } from './trained-weights.js'

/** A group with the names of its weights. */
export interface WeightGroup extends Omit<ParameterGroup, 'weights'> {
  readonly names: readonly string[]
}

/** The weights that each phase trains. @throws SelfsupError if there are no weights, or a weight belongs to no phase */
export function phaseWeights(method: Method, weights: TrainedWeights): Record<string, TrainedWeights> {
  const { name, phases } = method
  const all = Object.keys(weights)
  expected(
    all.length > 0,
    `${name}: the networks (${Object.keys(method.networks).join(', ')}) have no trainable weights`,
  )
  const trained = Object.fromEntries(
    phasesOf(method).map((phase) => {
      const selectors = phases?.[phase]
      const names = selectors ? weightsNamed(weights, selectors, `${name}: phase '${phase}'`) : all
      return [phase, pick(weights, names)]
    }),
  )
  const left = all.filter((weight) => !Object.values(trained).some((part) => Object.hasOwn(part, weight)))
  expected(
    left.length === 0,
    `${name}: no phase trains ${left.slice(0, 3).join(', ')}; add them to a phase, or freeze their layers`,
  )
  return trained
}

/**
 * The groups with the names of their weights. Weights outside all groups form the group `main`.
 * @throws SelfsupError if a weight is in two groups
 */
export function groupsOf(
  { name, groups = {} }: Method,
  weights: TrainedWeights,
): Record<string, WeightGroup> {
  const owner = new Map<string, string>()
  const named = Object.entries(groups).map(([group, { weights: selectors, ...settings }]) => {
    expected(
      group !== 'main',
      `${name}: the group name 'main' is reserved for weights outside all other groups; choose another name`,
    )
    const names = weightsNamed(weights, selectors, `${name}: group '${group}'`)
    for (const weight of names) {
      const other = owner.get(weight)
      expected(
        other === undefined,
        `${name}: '${weight}' is in the groups '${other}' and '${group}'; a weight can belong to only one group`,
      )
      owner.set(weight, group)
    }
    return [group, { ...settings, names }] as const
  })
  const rest = Object.keys(weights).filter((weight) => !owner.has(weight))
  return Object.fromEntries(
    [['main', { names: rest }] as const, ...named].filter(([, { names }]) => names.length > 0),
  )
}

/** Selects the values with these names and omits missing ones. */
export function pick<Value>(
  values: Readonly<Record<string, Value>>,
  names: Iterable<string>,
): Record<string, Value> {
  const picked: Record<string, Value> = {}
  for (const name of names) if (values[name] !== undefined) picked[name] = values[name]
  return picked
}
