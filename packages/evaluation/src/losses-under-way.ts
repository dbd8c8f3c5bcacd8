import { setImmediate } from 'node:timers/promises'
import type { Scalar } from '@tensorflow/tfjs-core'

/**
 * Losses of steps while the device does them. Before a step is told to the device, the one before the last is done: it always
 * has work, and never holds the inputs of more steps than it can do soon. Timers and signals get their turn.
 */
export class LossesUnderWay {
  readonly #first: number
  #steps = 0
  #last: Scalar | undefined
  #sum = 0
  #count = 0

  /** @param first number of the step from which on losses count in the mean */
  constructor(first: number) {
    this.#first = first
  }

  /** Takes over the loss of a step that was begun. */
  async add(loss: Scalar): Promise<void> {
    const before = this.#last
    this.#last = loss
    if (before) await this.#settle(before)
    await setImmediate()
  }

  /** Of the steps that count, once all are done. */
  async mean(): Promise<number> {
    const last = this.#last
    this.#last = undefined
    if (last) await this.#settle(last)
    return this.#sum / this.#count
  }

  async #settle(loss: Scalar): Promise<void> {
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
