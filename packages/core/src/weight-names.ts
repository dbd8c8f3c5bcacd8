import type { Variable } from '@tensorflow/tfjs-core'
import type { LayersModel, LayerVariable } from '@tensorflow/tfjs-layers'

/** Networks of a method, by name. */
export type Networks = Readonly<Record<string, LayersModel>>

/**
 * All weights of the networks, by names that do not depend on the process, such as `backbone/conv1/kernel`.
 * TensorFlow.js numbers unnamed layers and weights of equal name across the whole process; here they are numbered
 * within their network. A weight that several networks share is listed once.
 */
export function weightNames(networks: Networks): Map<string, Variable> {
  return new Map([...namedWeights(networks)].map(([name, weight]) => [name, weight.read() as Variable]))
}

/** The trainable weights of the networks, by the names of `weightNames`. */
export function trainableWeights(networks: Networks): Record<string, Variable> {
  const trainable = new Set(
    Object.values(networks).flatMap((model) => model.trainableWeights.map((weight) => weight.read().id)),
  )
  return Object.fromEntries([...weightNames(networks)].filter(([, variable]) => trainable.has(variable.id)))
}

/** The layer variables that hold the weights, by the names of `weightNames`. Use them to replace the variables themselves. */
export function namedWeights(networks: Networks): Map<string, LayerVariable> {
  const names = new Map<string, LayerVariable>()
  const seen = new Set<number>()
  for (const [network, model] of Object.entries(networks)) {
    const layers = new Map<string, string>()
    for (const weight of weightsOf(model)) {
      if (seen.has(weight.id)) continue
      seen.add(weight.id)
      const path = weight.originalName.split('/').map((part) => withinNetwork(part, layers))
      names.set(unused(names, [network, ...path].join('/')), weight)
    }
  }
  return names
}

/** Weights in the order of the layers. `model.weights` would list frozen ones last. */
function weightsOf(model: LayersModel): LayerVariable[] {
  return model.layers.flatMap((layer) =>
    'layers' in layer ? weightsOf(layer as LayersModel) : layer.weights,
  )
}

/** Renames `dense_Dense17`, the 17th of the process, to `dense_Dense1` if it is the first of its network. */
function withinNetwork(part: string, layers: Map<string, string>): string {
  const automatic = /^([a-z0-9_]+_[A-Z][A-Za-z0-9]*?)\d+$/.exec(part)
  if (!automatic) return part
  const known = layers.get(part)
  if (known) return known
  const stem = automatic[1]!
  const number = [...layers.values()].filter((name) => name.startsWith(stem)).length + 1
  layers.set(part, `${stem}${number}`)
  return `${stem}${number}`
}

function unused(names: ReadonlyMap<string, unknown>, name: string): string {
  let candidate = name
  for (let number = 2; names.has(candidate); number++) candidate = `${name}#${number}`
  return candidate
}
