import { setImmediate } from 'node:timers/promises'
import type { Scalar } from '@tensorflow/tfjs-core'

/**
 * Losses of steps that the device may still be computing. Before a new step is submitted, the last but one has finished: the
 * device always has work but never holds the inputs of many steps. Timers and signals can run in between.
 */
export class PendingLosses {
  readonly #first: number
  #steps = 0
  #last: Scalar | undefined
  #sum = 0
  #count = 0

  /** @param first number of the first step whose loss counts in the mean */
  constructor(first: number) {
    this.#first = first
  }

  /** Takes ownership of the loss of a submitted step. */
  async add(loss: Scalar): Promise<void> {
    const before = this.#last
    this.#last = loss
    if (before) await this.#resolve(before)
    await setImmediate()
  }

  /** Mean over the steps that count; waits for all of them. */
  async mean(): Promise<number> {
    const last = this.#last
    this.#last = undefined
    if (last) await this.#resolve(last)
    return this.#sum / this.#count
  }

  async #resolve(loss: Scalar): Promise<void> {
    try {
      const [value] = await loss.data()
      if (this.#steps++ < this.#first) return
      this.#sum += value!
      this.#count++
    } finally {
      loss.dispose()
    }
  }

  dispose(): void {
    this.#last?.dispose()
    this.#last = undefined
  }
}
