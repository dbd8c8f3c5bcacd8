import { expected, type Method, phasesOf } from '@selfsup/core'

/**
 * The phases of a step, by the method's choice.
 * @param position of the step, counted from 0
 * @throws SelfsupError when it chooses none, or one that it does not have
 */
export function phasesAt(
  method: Method,
  position: { readonly step: number; readonly epoch: number },
): readonly string[] {
  const all = phasesOf(method)
  return method.phasesAt ? checkedPhases(method.phasesAt(position), method.name, all) : all
}

/** @throws SelfsupError when the list is empty or names a phase that is none of `all` */
export function checkedPhases(
  phases: readonly string[],
  method: string,
  all: readonly string[],
): readonly string[] {
  expected(phases.length > 0, `${method}: a step needs at least one phase of ${all.join(', ')}; got none`)
  const wrong = phases.find((phase) => !all.includes(phase))
  expected(wrong === undefined, `${method}: there is no phase '${wrong}'; a step may have ${all.join(', ')}`)
  return phases
}
