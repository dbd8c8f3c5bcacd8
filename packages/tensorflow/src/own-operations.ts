import type { backend_util } from '@tensorflow/tfjs-core'

/** Whether an operation of ours replaces TensorFlow's for a convolution. */
type Replaces = (convolution: backend_util.Conv2DInfo) => boolean

/** Which of our own operations replace TensorFlow's. They run on the CPU; with a GPU, TensorFlow's are used. */
export interface OwnOperations {
  readonly views: boolean
  /** convolutions and their gradients in float32; undefined: never */
  readonly convolutions?: Replaces
  /** gradients of convolutions' filters in bfloat16; undefined: never */
  readonly bfloat16?: Replaces
  readonly normalisation: boolean
}

/** For steps that XLA compiles: XLA supports none of our operations. */
export const noOwnOperations: OwnOperations = { views: false, normalisation: false }

/**
 * 0 if an operation of ours does not run on the processor, 1 if it runs, 2 if it is faster than TensorFlow's, 3 if it is faster for
 * some convolutions: those in float32 on processors with AVX-512, filter gradients in bfloat16 on processors with AMX.
 */
type Suitability = number

const always: Replaces = () => true
/** With AVX-512: only Winograd's algorithm, which multiplies a quarter as often. */
const byWinograd: Replaces = ({ filterHeight, filterWidth, strideHeight }) =>
  filterHeight === 3 && filterWidth === 3 && strideHeight === 1
/** With AMX: not with few channels and many results, where packing takes as long as multiplying. */
const byMatrices: Replaces = ({ inChannels, outChannels, strideHeight }) =>
  strideHeight > 1 || inChannels * outChannels >= 8192

/**
 * Selects our operations that steps use.
 * @param wanted $SELFSUP_CONVOLUTIONS: 1 uses our convolutions wherever they run, 0 never
 * @returns for steps in float32, and for steps in mixed precision
 */
export function ownOperations(
  machine: { readonly gpu: boolean; readonly convolutions: Suitability; readonly bfloat16: Suitability },
  emulated: boolean,
  wanted: string | undefined,
): { readonly float32: OwnOperations; readonly mixed: OwnOperations } {
  const { gpu } = machine
  const replaces = (how: Suitability, some: Replaces): Replaces | undefined => {
    if (gpu || how === 0 || wanted === '0') return undefined
    if (how === 2 || wanted === '1') return always
    return how === 3 ? some : undefined
  }
  const convolutions = replaces(machine.convolutions, byWinograd)
  const bfloat16 = replaces(machine.bfloat16, byMatrices)
  const plain = { views: !gpu, normalisation: !gpu }
  const float32 = { ...plain, ...(convolutions && { convolutions }) }
  // Emulation rounds the operands of float32 products, so it uses the same operations.
  const mixed = emulated ? float32 : { ...plain, ...(bfloat16 && { bfloat16 }) }
  return { float32, mixed }
}
