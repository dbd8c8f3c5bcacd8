import { expected, type Normalisation, SelfsupError } from '@selfsup/core'
import type { LayersModel, layers, SymbolicTensor } from '@tensorflow/tfjs-layers'
import manifest from '../../package.json' with { type: 'json' }
import { attention, attentionOf } from './attention.js'
import { converters } from './converters.js'
import { GraphBuilder, type Value } from './graph.js'
import { asModel, type WeightValues } from './layer.js'
import { encodeModel, tensorTypes, type ValueMessage } from './schema.js'

/** Operator set of the model: the first with LayerNormalization. onnxruntime 1.12 and later run it. */
const OPSET = 17
const IR_VERSION = 8

/** How a model is written as ONNX. */
export interface OnnxOptions {
  /**
   * `uint8`: the input is pixels 0..255, [batch, height, width, channels], as image decoders return them. `float`: pixels in
   * 0..1, [batch, channels, height, width], as torchvision's `ToTensor` returns them. The graph normalises both
   */
  readonly input: 'uint8' | 'float'
  /** mean and standard deviation of each channel that the model expects, of pixels in 0..1 */
  readonly normalisation: Normalisation
  /** strings that are stored with the model (`metadata_props`) */
  readonly metadata?: Readonly<Record<string, string>>
}

/**
 * Writes a TensorFlow.js layers model as ONNX (operator set 17), with the normalisation of its input in the graph. The input is
 * called `images`, the output `features`, [batch, features]; the size of the batch is free. Normalisations compute as in
 * inference. Of several outputs the first is written.
 *
 * @param model a model from normalised images [batch, height, width, channels]
 * @returns the content of a .onnx file
 * @throws SelfsupError if the model does not take images of one size, or has a layer or a setting that has no converter
 */
export async function toOnnx(model: LayersModel, options: OnnxOptions): Promise<Uint8Array> {
  const [height, width, channels] = imageShapeOf(model)
  const { mean, std } = options.normalisation
  expected(
    mean.length === channels && std.length === channels,
    `toOnnx: the model takes ${channels} channels, but the normalisation has ${mean.length}`,
  )
  const graph = new GraphBuilder()
  const output = model.outputs[0]!
  const input = normalised(graph, options, [height, width, channels])
  const features = outputOf(graph, model, [input], await weightValues(model))
  graph.node('Identity', 'features', [graph.last(features)])
  const { uint8, float32 } = tensorTypes
  const shape = options.input === 'uint8' ? [height, width, channels] : [channels, height, width]
  return encodeModel({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: '', version: OPSET }],
    producerName: '@selfsup/export',
    producerVersion: manifest.version,
    docString: 'Features of images, by Selfsup',
    graph: {
      name: model.name,
      node: graph.nodes,
      initializer: graph.constants,
      input: [value('images', options.input === 'uint8' ? uint8 : float32, shape)],
      output: [value('features', float32, withoutBatch(output))],
    },
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
  })
}

function imageShapeOf({ inputs }: LayersModel): [number, number, number] {
  const [, ...shape] = inputs[0]!.shape
  expected(
    inputs.length === 1 && shape.length === 3 && shape.every((side) => side !== null),
    `toOnnx: the model must have one input of images of one size, [batch, height, width, channels]; got [${inputs.map((input) => input.shape.map((side) => side ?? 'any'))}]`,
  )
  return shape as [number, number, number]
}

function value(name: string, elemType: number, shape: readonly number[]): ValueMessage {
  const dim = [{ dimParam: 'batch' }, ...shape.map((dimValue) => ({ dimValue }))]
  return { name, type: { tensorType: { elemType, shape: { dim } } } }
}

/** The graph's input as the model's: (pixel - mean) / std. */
function normalised(
  graph: GraphBuilder,
  { input, normalisation: { mean, std } }: OnnxOptions,
  shape: readonly [number, number, number],
): Value {
  const name = graph.unused('images')
  const highest = input === 'uint8' ? 255 : 1
  const dims = input === 'uint8' ? [shape[2]] : [shape[2], 1, 1]
  const factor = Float32Array.from(std, (s) => 1 / (highest * s))
  const shift = Float32Array.from(mean, (m, channel) => -m / std[channel]!)
  const pixels = input === 'uint8' ? graph.node('Cast', 'pixels', [name], { to: tensorTypes.float32 }) : name
  const scaled = graph.node('Mul', 'scaled', [pixels, graph.floats('normalisation/factor', factor, dims)])
  const made = graph.node('Add', 'normalised', [scaled, graph.floats('normalisation/shift', shift, dims)])
  return input === 'uint8' ? { shape, last: made } : { shape, first: made }
}

/** The first output of a model whose inputs are these values. */
function outputOf(
  graph: GraphBuilder,
  model: LayersModel,
  inputs: readonly Value[],
  weights: WeightValues,
): Value {
  const known = new Map(model.inputs.map((input, i) => [input.id, inputs[i]!]))
  const of = (tensor: SymbolicTensor): Value => {
    const found = known.get(tensor.id)
    if (found) return found
    const { sourceLayer: layer, nodeIndex } = tensor
    const { inputTensors } = layer.inboundNodes[nodeIndex!] as { inputTensors: SymbolicTensor[] }
    const made = layerOf(graph, layer, tensor, inputTensors.map(of), weights)
    known.set(tensor.id, made)
    return made
  }
  return of(model.outputs[0]!)
}

function layerOf(
  graph: GraphBuilder,
  layer: layers.Layer,
  output: SymbolicTensor,
  inputs: readonly Value[],
  weights: WeightValues,
): Value {
  const nested = asModel(layer)
  const heads = nested && attentionOf(nested)
  if (nested && !heads) return outputOf(graph, nested, inputs, weights)
  const { name } = layer
  const className = layer.getClassName()
  const convert = heads ? attention(heads) : Object.hasOwn(converters, className) && converters[className]
  if (!convert)
    throw new SelfsupError(
      `layer '${name}' can't be written as ONNX: layers of type ${className} are not supported; supported are ${Object.keys(converters).join(', ')}`,
      { code: 'unsupported', fix: 'export as tfjs or safetensors, which hold any layer' },
    )
  const config = nested ? {} : layer.getConfig()
  return convert({ graph, layer, name, config, inputs, shape: withoutBatch(output), weights })
}

function withoutBatch({ shape }: SymbolicTensor): number[] {
  return shape.slice(1) as number[]
}

/** Reads all weights of a model. */
async function weightValues(model: LayersModel): Promise<WeightValues> {
  const values = new Map<number, Float32Array>()
  const collect = async (layers: readonly layers.Layer[]) => {
    for (const layer of layers) {
      const nested = asModel(layer)
      if (nested) await collect(nested.layers)
      else
        for (const weight of layer.weights)
          values.set(weight.id, (await weight.read().data()) as Float32Array)
    }
  }
  await collect(model.layers)
  return values
}
