/** Which of our own operations replace TensorFlow's. They run on the CPU; with a GPU, TensorFlow's are used. */
export interface OwnOperations {
  readonly views: boolean
  readonly convolutions: boolean
  /** gradients of convolutions' filters in bfloat16 */
  readonly bfloat16: boolean
  readonly normalisation: boolean
}

/** For steps that XLA compiles: XLA supports none of our operations. */
export const noOwnOperations: OwnOperations = {
  views: false,
  convolutions: false,
  bfloat16: false,
  normalisation: false,
}

/** 0 if an operation of ours does not run on the processor, 1 if it runs, 2 if it is faster than TensorFlow's. */
type Suitability = number

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
  const { gpu, convolutions, bfloat16 } = machine
  const suits = (how: Suitability) => !gpu && (wanted === '1' ? how > 0 : wanted !== '0' && how === 2)
  const float32 = { views: !gpu, normalisation: !gpu, convolutions: suits(convolutions), bfloat16: false }
  // Emulation rounds the operands of float32 products, so it uses the same operations.
  const mixed = emulated ? float32 : { ...float32, convolutions: false, bfloat16: suits(bfloat16) }
  return { float32, mixed }
}
