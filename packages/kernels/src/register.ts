import * as tf from '@tensorflow/tfjs-core'
import { correctedGradients } from './corrected-gradients.js'
import { fastGradients, nativeActivationNames, onNative } from './fast-gradients.js'
import { NATIVE } from './native.js'
import { registerNativeStep } from './native-step.js'

/** What registers the kernels of a backend, by its name. */
const ofBackends = new Map([[NATIVE as string, registerNativeStep]])

/** Makes the kernels of a backend known, without registering them. */
export function useKernels(backend: string, register: () => void): void {
  ofBackends.set(backend, register)
}

/**
 * Replaces TensorFlow.js's gradients, and its kernels for the current backend, by those of this package. `prepareEngine` and
 * every loss call it. Later calls cost a few look-ups and register again what a package loaded in the meantime has
 * overwritten: @tensorflow/tfjs-layers registers TensorFlow.js's own gradients when it is loaded.
 */
export function registerKernels(): void {
  registerGradients()
  ofBackends.get(tf.getBackend())?.()
}

const replacing = [...correctedGradients, ...fastGradients] as readonly tf.GradConfig[]
const changed = new Map<string, tf.GradConfig>()

function registerGradients(): void {
  for (const gradient of replacing) use(gradient)
  for (const name of nativeActivationNames) {
    const current = tf.getGradient(name)
    if (!current || current === changed.get(name)) continue
    changed.set(name, onNative(current))
    use(changed.get(name)!)
  }
}

function use(gradient: tf.GradConfig): void {
  const { kernelName } = gradient
  const current = tf.getGradient(kernelName)
  if (current === gradient) return
  if (current) tf.unregisterGradient(kernelName)
  tf.registerGradient(gradient)
}
