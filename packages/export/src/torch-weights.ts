import { namedWeights } from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { reordered } from './onnx/convolutions.js'
import { convnextName, mobilenetNames, type Rename } from './torch-names.js'

/** A tensor on the host. */
interface TorchTensor {
  readonly dtype: 'float32'
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** Weights of a model as PyTorch lays them out. */
export interface TorchWeights {
  /**
   * whose names the weights have: torchvision's `ResNet` and `MobileNetV3`, timm's `VisionTransformer`, `Eva`, `ConvNeXt` and
   * `MobileNetV3`, or those of the model's own layers
   */
  readonly names: 'torchvision' | 'timm' | 'own'
  readonly tensors: Readonly<Record<string, TorchTensor>>
}

/**
 * The weights of a model with PyTorch's names and layouts: kernels of convolutions [out, in, height, width], of linear layers
 * [out, in]. ResNets of @selfsup/backbones get torchvision's names, its vision transformers and ConvNeXts timm's. MobileNetV3 gets
 * those of the library whose batch normalisations have its epsilon: torchvision 0.001, timm 0.00001. Other models keep their layers'
 * names, with dots. A layer after a flattened map keeps its inputs in the order height, width, channels.
 */
export async function torchWeights(model: LayersModel): Promise<TorchWeights> {
  const weights = [...namedWeights({ model })].map(
    ([name, weight]) => [name.slice('model/'.length), weight] as const,
  )
  const { names, rename } = namesFor(
    model,
    weights.map(([name]) => name),
  )
  const tensors: Record<string, TorchTensor> = {}
  const width = weights.find(([name]) => name === 'class-token/beta')?.[1].shape[0] ?? 1
  for (const [name, weight] of weights) {
    const to = rename(name)
    if (to === undefined) continue
    const values = (await weight.read().data()) as Float32Array
    tensors[to] = /^(cls_token|reg_token|pos_embed)$/.test(to)
      ? { dtype: 'float32', shape: [1, values.length / width, width], values: values.slice() }
      : torchTensor(name, values, weight.shape as number[])
  }
  return { names, tensors: withJoinedProjections(tensors) }
}

/** Whose names a model's weights get, from their own names. */
function namesFor(
  model: LayersModel,
  names: readonly string[],
): { names: TorchWeights['names']; rename: (name: string) => string | undefined } {
  const has = (start: string) => names.some((name) => name.startsWith(start))
  if (has('stage1/block1/1/bn') && has('stem/bn')) return { names: 'torchvision', rename: resnetName }
  if (has('class-token/')) return { names: 'timm', rename: has('positions/') ? vitName : rotaryVitName }
  const layers = [...new Set(names.map((name) => splitName(name)[0]))]
  if (has('stage1/block1/depthwise/bn') && has('head/bn')) {
    const { epsilon } = model.getLayer('stem/bn').getConfig()
    const library = epsilon === 1e-3 ? 'torchvision' : 'timm'
    return { names: library, rename: byLayer(mobilenetNames(layers, library)) }
  }
  if (has('stage1/block1/scale/')) return { names: 'timm', rename: byLayer(convnextName) }
  return { names: 'own', rename: ownName }
}

function byLayer(rename: Rename): (name: string) => string | undefined {
  return (name) => {
    const [layer, parameter] = splitName(name)
    const to = rename(layer)
    if (to === undefined) return ownName(name)
    // A learned scale is a vector of its own; its statistics are constants of ours.
    if (to.endsWith('.gamma')) return parameter === 'weight' ? to : undefined
    return `${to}.${parameter}`
  }
}

/** The names of timm's `Eva`, in which DINOv3 is implemented; undefined for constants that it does not have. */
function rotaryVitName(name: string): string | undefined {
  const [, block, part] = /^block(\d+)\/(?:attention\/)(cos|sin|query|key|value)\//.exec(name) ?? []
  if (part === 'cos' || part === 'sin') return undefined
  const parameter = name.endsWith('/bias') ? `${part?.[0]}_bias` : `${part}.weight`
  if (part) return `blocks.${Number(block) - 1}.attn.${parameter}`
  return vitName(name)?.replace(/ls([12])\.gamma$/, 'gamma_$1')
}

/** Queries, keys and values as one matrix, as timm has them. */
function withJoinedProjections(tensors: Record<string, TorchTensor>): Record<string, TorchTensor> {
  const joined: Record<string, TorchTensor> = {}
  for (const [name, tensor] of Object.entries(tensors)) {
    const [, start, part] = /^(blocks\.\d+\.attn)\.(query|key|value)\.weight$/.exec(name) ?? []
    if (part === undefined) joined[name] = tensor
    if (part !== 'query') continue
    const parts = ['query', 'key', 'value'].map((each) => tensors[`${start}.${each}.weight`]!)
    const [outputs, inputs] = tensor.shape as [number, number]
    const values = new Float32Array(3 * tensor.values.length)
    for (const [i, each] of parts.entries()) values.set(each.values, i * each.values.length)
    joined[`${start}.qkv.weight`] = { dtype: 'float32', shape: [3 * outputs, inputs], values }
  }
  return joined
}

function torchTensor(name: string, values: Float32Array, shape: readonly number[]): TorchTensor {
  const dtype = 'float32'
  if (/depthwise_kernel$/.test(name)) {
    const [height, width, inputs, multiplier] = shape as [number, number, number, number]
    return {
      dtype,
      shape: [inputs * multiplier, 1, height, width],
      values: reordered(values, shape, [2, 3, 0, 1]),
    }
  }
  if (!/(^|[/_])kernel$/.test(name)) return { dtype, shape, values: values.slice() }
  if (shape.length === 4) {
    const [height, width, inputs, outputs] = shape as [number, number, number, number]
    return { dtype, shape: [outputs, inputs, height, width], values: reordered(values, shape, [3, 2, 0, 1]) }
  }
  const [inputs, outputs] = shape as [number, number]
  return { dtype, shape: [outputs, inputs], values: reordered(values, [inputs, outputs, 1, 1], [1, 0, 2, 3]) }
}

const parameters: Readonly<Record<string, string>> = {
  kernel: 'weight',
  depthwise_kernel: 'weight',
  gamma: 'weight',
  beta: 'bias',
  bias: 'bias',
  moving_mean: 'running_mean',
  moving_variance: 'running_var',
}

/** `stage1/block1/2/bn/gamma` as `['stage1/block1/2/bn', 'weight']`. */
function splitName(name: string): [layer: string, parameter: string] {
  const cut = name.lastIndexOf('/')
  const last = name.slice(cut + 1)
  return [name.slice(0, Math.max(0, cut)), parameters[last] ?? last]
}

function ownName(name: string): string {
  const [layer, parameter] = splitName(name)
  return `${layer.replaceAll('/', '.')}.${parameter}`
}

/** The names of torchvision's ResNets. */
function resnetName(name: string): string {
  const [layer, parameter] = splitName(name)
  const stem = /^stem\/(conv|bn)$/.exec(layer)
  if (stem) return `${stem[1]}1.${parameter}`
  const [, stage, block, part, kind] = /^stage(\d+)\/block(\d+)\/(\w+)\/(conv|bn|ln)$/.exec(layer) ?? []
  if (!stage) return ownName(name)
  const of =
    part === 'shortcut' ? `downsample.${kind === 'conv' ? 0 : 1}` : `${kind === 'ln' ? 'bn' : kind}${part}`
  return `layer${stage}.${Number(block) - 1}.${of}.${parameter}`
}

const vitParts: Readonly<Record<string, string>> = {
  norm1: 'norm1',
  norm2: 'norm2',
  'attention/qkv': 'attn.qkv',
  'attention/projection': 'attn.proj',
  'mlp/1': 'mlp.fc1',
  'mlp/2': 'mlp.fc2',
}

/** Learned tokens and positions: layers that add a constant. */
const vitTokens: Readonly<Record<string, string>> = {
  'class-token': 'cls_token',
  registers: 'reg_token',
  positions: 'pos_embed',
}

/** The names of timm's vision transformers; undefined for constants that they do not have. */
function vitName(name: string): string | undefined {
  const [layer, parameter] = splitName(name)
  if (layer === 'patches/projection') return `patch_embed.proj.${parameter}`
  const token = Object.hasOwn(vitTokens, layer) ? vitTokens[layer] : undefined
  if (token) return parameter === 'bias' ? token : undefined
  const [, block, part] = /^block(\d+)\/(.+)$/.exec(layer) ?? []
  if (part?.startsWith('attention/') && /\/scale$/.test(part)) return undefined
  // Layers that scale have the statistics of a batch normalisation.
  const scale = /^scale([12])$/.exec(part ?? '')
  if (scale) return parameter === 'weight' ? `blocks.${Number(block) - 1}.ls${scale[1]}.gamma` : undefined
  const known = part !== undefined && Object.hasOwn(vitParts, part) ? vitParts[part] : undefined
  if (block !== undefined && known) return `blocks.${Number(block) - 1}.${known}.${parameter}`
  return ownName(name)
}
