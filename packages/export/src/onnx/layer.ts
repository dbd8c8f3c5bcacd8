import { SelfsupError } from '@selfsup/core'
import type { LayersModel, layers } from '@tensorflow/tfjs-layers'
import type { GraphBuilder, Value } from './graph.js'

/** Values of weights on the host, by the weight's id. */
export type WeightValues = ReadonlyMap<number, Float32Array>

/** A layer that is being written, with what its converter needs. */
export interface LayerContext {
  readonly graph: GraphBuilder
  readonly layer: layers.Layer
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
  readonly inputs: readonly Value[]
  /** shape of the output, without the batch */
  readonly shape: readonly number[]
  readonly weights: WeightValues
}

/** Adds a layer's nodes to the graph. @returns the layer's output */
export type Converter = (context: LayerContext) => Value

/** A weight of a layer, by the end of its name, such as `kernel`; undefined if the layer has none. */
export function weightOf(
  { layer, weights }: LayerContext,
  end: string,
): { readonly values: Float32Array; readonly shape: readonly number[] } | undefined {
  const weight = layer.weights.find(({ originalName }) => new RegExp(`(^|[/_])${end}$`).test(originalName))
  return weight && { values: weights.get(weight.id)!, shape: weight.shape as number[] }
}

/** A setting of a layer that the converter cannot write. */
export function unsupported(
  { layer, name }: Pick<LayerContext, 'layer' | 'name'>,
  what: string,
): SelfsupError {
  return new SelfsupError(`layer '${name}' (${layer.getClassName()}) can't be written as ONNX: ${what}`, {
    code: 'unsupported',
    fix: 'export as tfjs or safetensors, which hold any layer',
  })
}

/** @throws SelfsupError unless the layer has its channels last */
export function expectChannelsLast(context: LayerContext): void {
  const { dataFormat = 'channelsLast' } = context.config
  if (dataFormat !== 'channelsLast' && dataFormat !== 'channels_last')
    throw unsupported(context, `its data format is ${dataFormat}; only channelsLast is supported`)
}

/** [height, width] of a setting that is a number or a pair. */
export function pairOf(value: unknown): [number, number] {
  return Array.isArray(value) ? [value[0], value[1]] : [value as number, value as number]
}

/** The layer as a model, if it is a nested one. */
export function asModel(layer: layers.Layer): LayersModel | undefined {
  return 'layers' in layer ? (layer as LayersModel) : undefined
}
