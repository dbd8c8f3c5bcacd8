import type { Engine, EngineOptions } from '@selfsup/engine'

/** The flags of the engine that every command takes. */
export type EngineFlags = Pick<EngineOptions, 'mixedPrecision' | 'xla'>

let flags: EngineFlags = {}

/** Sets the flags for the commands of this process: an engine starts once in a process, so its flags are the process's. */
export function setEngineFlags(given: EngineFlags): void {
  flags = given
}

/** The flags that were given; none where the command line had none. */
export function engineFlags(): EngineFlags {
  return flags
}

/** Prepares the engine with the flags that were given. */
export async function startEngine(engine: EngineOptions['engine'] = 'auto'): Promise<Engine> {
  const { prepareEngine } = await import('@selfsup/engine')
  return prepareEngine({ ...flags, engine })
}
