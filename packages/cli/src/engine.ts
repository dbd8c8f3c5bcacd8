import type { Engine, EngineOptions } from '@selfsup/engine'

/** The engine flags that every command accepts. */
export type EngineFlags = Pick<EngineOptions, 'mixedPrecision' | 'xla'>

let flags: EngineFlags = {}

/** Sets the engine flags for this process: an engine starts once per process. */
export function setEngineFlags(given: EngineFlags): void {
  flags = given
}

/** The engine flags that were given; empty if none were. */
export function engineFlags(): EngineFlags {
  return flags
}

/** Prepares the engine with the flags that were given. */
export async function startEngine(
  engine: EngineOptions['engine'],
  workers?: EngineOptions['workers'],
): Promise<Engine> {
  const { prepareEngine } = await import('@selfsup/engine')
  return prepareEngine({ ...flags, engine, ...(workers && { workers }) })
}

/** Whether an engine computes on the thread that asks for it, so that nothing else happens there during a step. */
export function blocksThread({ name }: Pick<Engine, 'name'>): boolean {
  return name === 'wasm' || name === 'cpu'
}
