import { initialise, type Node, relu, sum, through } from '@selfsup/backbones'
import * as tfl from '@tensorflow/tfjs-layers'

export interface ContextOptions {
  /** rows and columns of the grid */
  readonly grid: number
  /** number of features at each position */
  readonly features: number
  /** number of residual blocks; each adds one row above to the receptive field */
  readonly blocks: number
  /** number of filters inside a block */
  readonly width: number
  /** number of predicted features */
  readonly targets: number
  /** how many steps ahead to predict; each step has its own linear map */
  readonly steps: readonly number[]
  readonly seed: number
}

/**
 * Creates the network that summarises the rows above and predicts those below: a masked convolutional network like
 * PixelCNN, whose context c at a position depends on its own row and the rows above, and a linear map W_k of the context
 * for each step ahead (Hénaff et al. 2019, arXiv:1905.09272, appendix A.2; van den Oord et al. 2018, arXiv:1807.03748,
 * eq. 3).
 * @returns a model from [batch, grid, grid, features] to the contexts, [batch, grid, grid, features], and one prediction
 *   [batch, grid, grid, targets] for each of `steps`
 */
export function contextNetwork({
  grid,
  features,
  blocks,
  width,
  targets,
  steps,
  seed,
}: ContextOptions): tfl.LayersModel {
  const input = tfl.input({ shape: [grid, grid, features], name: 'latents' })
  let x = input
  for (let block = 1; block <= blocks; block++) x = maskedBlock(x, `block${block}`, width)
  const context = relu(x, 'context')
  const predictions = steps.map((k) => convolve(context, `W${k}`, targets, [1, 1], false))
  return initialise(
    tfl.model({ inputs: input, outputs: [context, ...predictions], name: 'context' }),
    seed,
    'default',
  )
}

/** Residual block: 1x1 to fewer filters, 1x3 along the row, 2x1 with the row above, 1x1 back to the input's features. */
function maskedBlock(node: Node, name: string, width: number): Node {
  const narrow = relu(convolve(node, `${name}/1`, width, [1, 1]), `${name}/1/relu`)
  const withinRow = convolve(narrow, `${name}/2`, width, [1, 3])
  // With padding above only, a kernel of two rows covers a position and the one above it.
  const padding: [[number, number], [number, number]] = [
    [1, 0],
    [0, 0],
  ]
  const padded = through(tfl.layers.zeroPadding2d({ name: `${name}/above`, padding }), withinRow)
  const above = relu(convolve(padded, `${name}/3`, width, [2, 1], true, 'valid'), `${name}/3/relu`)
  return sum(node, convolve(above, `${name}/4`, node.shape.at(-1)!, [1, 1]), `${name}/sum`)
}

function convolve(
  node: Node,
  name: string,
  filters: number,
  kernelSize: [number, number],
  useBias = true,
  padding: 'same' | 'valid' = 'same',
): Node {
  const conv = tfl.layers.conv2d({ name, filters, kernelSize, padding, useBias, kernelInitializer: 'zeros' })
  return through(conv, node)
}
