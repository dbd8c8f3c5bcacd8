import { expected } from '@selfsup/core'
import type { ModelConfig } from './model-config.js'

/** Widths of the usual sizes; their heads are 64 wide. */
const sizes: Readonly<Record<number, string>> = {
  192: 'vit-tiny',
  384: 'vit-small',
  768: 'vit-base',
  1024: 'vit-large',
}
const usualDepths: Readonly<Record<string, number>> = {
  'vit-tiny': 12,
  'vit-small': 12,
  'vit-base': 12,
  'vit-large': 24,
}

/**
 * The backbone for a vision transformer's width and depth, with dimensions that differ from it as options.
 * @throws SelfsupError if the number of heads follows from nothing
 */
export function usualSize(path: string, width: number, depth: number, config: ModelConfig) {
  const heads = config.heads ?? width / 64
  expected(
    Number.isInteger(heads),
    `${path}: the number of attention heads does not follow from the weights; put config.json of the model next to the file`,
    { code: 'unsupported', path },
  )
  const name = sizes[width] ?? 'vit-tiny'
  const usual = width in sizes && depth === usualDepths[name] && heads === width / 64
  return { name, options: usual ? {} : { width, depth, heads } }
}
