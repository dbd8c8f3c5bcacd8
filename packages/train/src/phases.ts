import { expected, type Method, phasesOf } from '@selfsup/core'

/**
 * The phases that a method runs in a step.
 * @param position step and epoch, counted from 0
 * @throws SelfsupError if the method returns no phase or an unknown one
 */
export function phasesAt(
  method: Method,
  position: { readonly step: number; readonly epoch: number },
): readonly string[] {
  const all = phasesOf(method)
  return method.phasesAt ? checkedPhases(method.phasesAt(position), method.name, all) : all
}

/**
 * Checks a list of phases.
 * @throws SelfsupError if it is empty or contains a phase that is not in `all`
 */
export function checkedPhases(
  phases: readonly string[],
  method: string,
  all: readonly string[],
): readonly string[] {
  expected(phases.length > 0, `${method}: a step must run at least one phase of ${all.join(', ')}; got none`)
  const wrong = phases.find((phase) => !all.includes(phase))
  expected(wrong === undefined, `${method}: unknown phase '${wrong}'; available: ${all.join(', ')}`)
  return phases
}
