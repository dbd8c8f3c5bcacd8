import { expected, type Method, type ParameterGroup, phasesOf } from '@selfsup/core'
import { type TrainedWeights, weightsNamed } from './trained-weights.js'

/** A group with the weights that its words stand for, by name. */
export interface WeightGroup extends Omit<ParameterGroup, 'weights'> {
  readonly names: readonly string[]
}

/** What each phase trains. @throws SelfsupError when it is nothing, or a weight is trained in none */
export function phaseWeights(method: Method, weights: TrainedWeights): Record<string, TrainedWeights> {
  const { name, phases } = method
  const all = Object.keys(weights)
  expected(
    all.length > 0,
    `${name}: its networks (${Object.keys(method.networks).join(', ')}) have no trainable weights`,
  )
  const trained = Object.fromEntries(
    phasesOf(method).map((phase) => {
      const words = phases?.[phase]
      const names = words ? weightsNamed(weights, words, `${name}: phase '${phase}'`) : all
      return [phase, pick(weights, names)]
    }),
  )
  const left = all.filter((weight) => !Object.values(trained).some((part) => Object.hasOwn(part, weight)))
  expected(
    left.length === 0,
    `${name}: no phase trains ${left.slice(0, 3).join(', ')}; name them in one, or freeze their layers`,
  )
  return trained
}

/**
 * Each group with the names of its weights; those in none are the group `main`.
 * @throws SelfsupError when a weight is in two
 */
export function groupsOf(
  { name, groups = {} }: Method,
  weights: TrainedWeights,
): Record<string, WeightGroup> {
  const owner = new Map<string, string>()
  const named = Object.entries(groups).map(([group, { weights: words, ...how }]) => {
    expected(
      group !== 'main',
      `${name}: the group 'main' is made of the weights that no other names; call this one otherwise`,
    )
    const names = weightsNamed(weights, words, `${name}: group '${group}'`)
    for (const weight of names) {
      const other = owner.get(weight)
      expected(
        other === undefined,
        `${name}: '${weight}' is in the groups '${other}' and '${group}'; a weight belongs to one`,
      )
      owner.set(weight, group)
    }
    return [group, { ...how, names }] as const
  })
  const rest = Object.keys(weights).filter((weight) => !owner.has(weight))
  return Object.fromEntries(
    [['main', { names: rest }] as const, ...named].filter(([, { names }]) => names.length > 0),
  )
}

/** The values under these names, of those that are there. */
export function pick<Value>(
  values: Readonly<Record<string, Value>>,
  names: Iterable<string>,
): Record<string, Value> {
  const picked: Record<string, Value> = {}
  for (const name of names) if (values[name] !== undefined) picked[name] = values[name]
  return picked
}
