import type { ModelConfig } from './model-config.js'
import type { Counterpart, Naming } from './naming.js'
import type { PositionResizing } from './positions.js'

/** What the weights of a file tell about their network. */
export interface Architecture {
  /** name of the backbone in @selfsup/backbones */
  readonly name: string
  /** its options, without size and seed */
  readonly options: Readonly<Record<string, unknown>> & { readonly channels: number }
  /** the size of the images must be a multiple of this */
  readonly multipleOf: number
  readonly positions?: PositionResizing
}

/** Facts about the tensors of a file, by timm's names. */
export interface FileFacts {
  readonly format: 'safetensors' | 'pytorch' | 'tensorflow.js'
  readonly path: string
  /** first layers of the network, if the file tells: for small images or for large ones */
  readonly stem: 'cifar' | 'imagenet' | undefined
  /** undefined if the file has no such tensor */
  shapeOf(timm: string): readonly number[] | undefined
  /** whether the file has a tensor of this name of its own */
  has(name: string): boolean
}

/** Reads one kind of network from files. */
export interface ArchitectureReader {
  readonly namings: readonly Naming[]
  /** tensors that the backbone does not need: classifiers, poolers, counters */
  readonly unneeded: RegExp
  /** the kernel that reads the images; it can be adapted to another number of channels */
  readonly inputKernel: string
  /** @throws SelfsupError if the network has a part that the backbone does not have */
  describe(facts: FileFacts, naming: Naming, config: ModelConfig): Architecture
  /** The tensor of a weight of the backbone; undefined for constants of ours. */
  counterpart(ours: string): Counterpart | undefined
}
