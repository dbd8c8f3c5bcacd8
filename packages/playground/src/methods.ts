import { definition as barlowTwins, vicregDefinition as vicreg } from '@selfsup/barlow-twins'
import { definition as byol, simsiamDefinition as simsiam } from '@selfsup/byol'
import type { MethodDefinition } from '@selfsup/core'
import { definition as simclr } from '@selfsup/simclr'
import type { MethodName } from './method-texts.js'

const all = { simclr, byol, 'barlow-twins': barlowTwins, vicreg, simsiam } satisfies Record<
  MethodName,
  unknown
>

/** The methods of the playground, by name. */
export const methods = all as unknown as Readonly<Record<string, MethodDefinition>>

/**
 * Options and learning rates (of AdamW, from random weights) with which something is visible within two minutes on a processor: larger
 * crops than the papers', whose tasks take hours, and for SimCLR a lower temperature, which suits small batches.
 */
export const visitorSettings: Readonly<
  Record<MethodName, { readonly options: Readonly<Record<string, number>>; readonly rate: number }>
> = {
  simclr: { options: { minScale: 0.5, temperature: 0.1 }, rate: 0.01 },
  byol: { options: { minScale: 0.5 }, rate: 2e-3 },
  'barlow-twins': { options: { minScale: 0.5 }, rate: 2e-3 },
  vicreg: { options: { minScale: 0.5 }, rate: 2e-3 },
  simsiam: { options: { minScale: 0.5 }, rate: 2e-3 },
}
