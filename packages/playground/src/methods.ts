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
