/**
 * A tensor of the file for a weight of ours: one, or several that are joined along the first axis. `name#1/3` is the second third of
 * a tensor's first axis.
 */
type TheirNames = readonly string[]

/** How a library or repository names the weights of an architecture. timm's names serve as the common ones. */
export interface Naming {
  /** the library, for messages */
  readonly library: string
  /** a tensor that only files with these names have */
  readonly marker: string
  /** Names that a weight can have in a file, by timm's name; the first one that the file contains is used. */
  names(timm: string): readonly TheirNames[]
}

/** How PyTorch stores a weight: transposed (`dense`), [out, in, height, width] (`conv`) or unchanged. */
export type Layout = 'same' | 'dense' | 'conv' | 'depthwise' | 'positions'

/** A weight of ours in a file. */
export interface Counterpart {
  /** timm's name */
  readonly timm: string
  readonly layout: Layout
  /** keeps its initial value if the file does not contain it */
  readonly optional?: boolean
}

/** timm's name for a layer and PyTorch's name for its weight. */
export function counterpart(layer: string, weight: string): Counterpart | undefined {
  switch (weight) {
    case 'kernel':
      return { timm: `${layer}.weight`, layout: 'conv' }
    case 'depthwise_kernel':
      return { timm: `${layer}.weight`, layout: 'depthwise' }
    case 'gamma':
      return { timm: `${layer}.weight`, layout: 'same' }
    case 'bias':
    case 'beta':
      return { timm: `${layer}.bias`, layout: 'same' }
    case 'moving_mean':
      return { timm: `${layer}.running_mean`, layout: 'same' }
    case 'moving_variance':
      return { timm: `${layer}.running_var`, layout: 'same' }
    default:
      return undefined
  }
}
