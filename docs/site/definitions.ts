import type { MethodDefinition } from '@selfsup/core'
import { findMethod, methodNames } from '@selfsup/runs'

/** The definitions of all methods that the command line knows. */
export async function allDefinitions(): Promise<MethodDefinition[]> {
  return Promise.all(methodNames().map((name) => findMethod(name)))
}
