/// <reference types="@webgpu/types" />
import { SelfsupError } from '@selfsup/core'

/** What went wrong on a device, which WebGPU reports as events and not as exceptions. */
export interface Failures {
  /**
   * Throws what was reported since the last call: after an operation that harms only itself, such as compiling a program.
   * @param doing what the caller was doing, for the message
   */
  check(doing: string): void
  /** The same after operations whose errors lose commands: from then on every check throws, as results are not valid. */
  checkCommands(doing: string): void
  /** whether the device is lost, or commands were lost */
  readonly broken: boolean
}

/** Listens to a device's errors from now on. */
export function listenTo(device: GPUDevice): Failures {
  let error: GPUError | undefined
  let invalid: SelfsupError | undefined
  let lost: string | undefined
  device.addEventListener('uncapturederror', (event) => {
    error ??= event.error // the first says why; those that follow come of it
    event.preventDefault()
  })
  void device.lost.then(({ reason, message }) => {
    lost = [reason, message].filter((part) => part && part !== 'unknown').join(': ')
  })
  return {
    get broken() {
      return lost !== undefined || invalid !== undefined
    },
    check,
    checkCommands(doing) {
      if (error)
        invalid ??= new SelfsupError('results on the WebGPU device are not valid after an earlier error', {
          code: 'device-error',
          fix: 'prepare the engine again, or start the program again',
        })
      check(doing)
    },
  }

  function check(doing: string): void {
    if (lost !== undefined) throw deviceLost(lost)
    if (error) {
      const reported = error
      error = undefined
      throw explained(reported, doing)
    }
    if (invalid) throw invalid
  }
}

/** @param reason as the device reports it */
export function deviceLost(reason: string): SelfsupError {
  return new SelfsupError(`the WebGPU device was lost${reason ? ` (${reason})` : ''}`, {
    code: 'device-lost',
    fix: 'start the program again: a training run resumes from its last checkpoint',
  })
}

function explained(error: GPUError, doing: string): SelfsupError {
  const cause = error instanceof Error ? error : new Error(error.message)
  if (globalThis.GPUOutOfMemoryError && error instanceof GPUOutOfMemoryError) {
    return new SelfsupError(`the WebGPU device has no memory left (${doing})`, {
      code: 'device-limit',
      fix: 'choose a smaller batch',
      cause,
    })
  }
  return new SelfsupError(`WebGPU refused ${doing}: ${firstLines(error.message)}`, {
    code: 'device-error',
    fix: 'choose another engine, and report this as a bug of Selfsup',
    cause,
  })
}

/** The part of Dawn's messages that says what is wrong; the rest repeats the source. */
function firstLines(message: string): string {
  return message.trim().split('\n').slice(0, 3).join(' ').slice(0, 400)
}
