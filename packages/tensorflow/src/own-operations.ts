import type { backend_util } from '@tensorflow/tfjs-core'

/** A convolution, or the gradient of its input or filter. */
export type Product = 'output' | 'input' | 'filter'

/** Whether an operation of ours replaces TensorFlow's for a convolution. */
type Replaces = (convolution: backend_util.Conv2DInfo, product: Product) => boolean

/** Which of our own operations replace TensorFlow's. They run on the CPU; with a GPU, TensorFlow's are used. */
export interface OwnOperations {
  readonly views: boolean
  /** whether all convolutions that ours support are ours, which pad: TensorFlow's gradients cannot */
  readonly padsConvolutions: boolean
  /** convolutions and their gradients in float32; undefined: never */
  readonly convolutions?: Replaces
  /** the same in bfloat16 */
  readonly bfloat16?: Replaces
  readonly normalisation: boolean
}

/** For steps that XLA compiles: XLA supports none of our operations. */
export const noOwnOperations: OwnOperations = {
  views: false,
  normalisation: false,
  padsConvolutions: false,
}

/**
 * 0 if operations of ours do not run on the processor, 1 if they run, 2 if they are faster than TensorFlow's, 3 if they are faster for some
 * convolutions: those in float32 on processors with AVX-512, those in bfloat16 on processors with AMX. Without AMX, only filter
 * gradients run in bfloat16.
 */
type Suitability = number

const always: Replaces = () => true
const onlyFilters: Replaces = (_, product) => product === 'filter'
/** With AVX-512: only Winograd's algorithm, which multiplies a quarter as often; must match SuitsWinograd in winograd.cc. */
const byWinograd: Replaces = ({ filterHeight, filterWidth, strideHeight, ...of }) =>
  filterHeight === 3 &&
  filterWidth === 3 &&
  strideHeight === 1 &&
  Math.min(of.outHeight, of.outWidth) >= 4 &&
  of.batchSize * Math.ceil(of.outHeight / 4) * Math.ceil(of.outWidth / 4) >= 48
/**
 * With AMX: oneDNN multiplies a row of results at a time, which fills few rows of a register if results are narrow. Its filter gradient is only
 * faster with few channels and stride 1, where packing takes as long as multiplying.
 */
const byMatrices: Replaces = ({ inChannels, outChannels, outWidth, strideHeight }, product) => {
  if (product === 'filter') return strideHeight > 1 || inChannels * outChannels >= 8192
  return outWidth <= (product === 'output' ? 8 : 4)
}

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
  const replaces = (how: Suitability, all: Replaces, some: Replaces): Replaces | undefined => {
    if (gpu || how === 0 || wanted === '0') return undefined
    if (wanted === '1') return how === 3 ? always : all
    return [undefined, undefined, all, some][how]
  }
  const convolutions = replaces(machine.convolutions, always, byWinograd)
  const bfloat16 = replaces(machine.bfloat16, onlyFilters, byMatrices)
  const plain = { views: !gpu, normalisation: !gpu, padsConvolutions: false }
  const float32 = convolutions ? { ...plain, convolutions, padsConvolutions: convolutions === always } : plain
  // Emulation rounds the operands of float32 products, so it uses the same operations.
  const mixed = emulated ? float32 : { ...plain, ...(bfloat16 && { bfloat16 }) }
  return { float32, mixed }
}
