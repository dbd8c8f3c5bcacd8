/** What to do once a TensorFlow.js backend is ready; told its name ('tensorflow', 'wasm', 'cpu', ...). */
export type EngineHook = (backend: string) => void

const hooks = new Set<EngineHook>()
let ready: string | undefined

/**
 * Registers work that must come after a backend and TensorFlow.js's own gradients are loaded, such as
 * better kernels and gradients for them. Runs at once when an engine is ready already, and again for each
 * engine that is prepared later.
 */
export function onEngineReady(hook: EngineHook): void {
  hooks.add(hook)
  if (ready !== undefined) hook(ready)
}

/** Runs what waits for an engine: the last thing that `prepareEngine` does. */
export function announceEngine(backend: string): void {
  ready = backend
  for (const hook of hooks) hook(backend)
}
