/** Called with the name of a TensorFlow.js backend ('tensorflow', 'wasm', 'cpu', ...) once it is ready. */
export type EngineHook = (backend: string) => void

const hooks = new Set<EngineHook>()
let ready: string | undefined

/**
 * Registers a hook that runs after a backend and TensorFlow.js's own gradients are loaded, for example to replace their
 * kernels and gradients. Runs immediately if an engine is already ready, and again for each engine that is prepared later.
 */
export function onEngineReady(hook: EngineHook): void {
  hooks.add(hook)
  if (ready !== undefined) hook(ready)
}

/** Runs the registered hooks. `prepareEngine` calls this last. */
export function announceEngine(backend: string): void {
  ready = backend
  for (const hook of hooks) hook(backend)
}
