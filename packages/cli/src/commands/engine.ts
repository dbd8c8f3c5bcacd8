import { progressView } from '../progress.js'

/** `selfsup engine install`: the native engine, or one line that says what is missing. */
export async function installEngine(): Promise<number> {
  const { installFastestEngine } = await import('@selfsup/engine')
  const view = progressView()
  let stage = ''
  const { fastest, message } = await installFastestEngine({
    onProgress: (progress) => {
      if (progress.stage === stage) return
      stage = progress.stage
      view.note(progress.message)
    },
  })
  view.note(message)
  return fastest ? 0 : 1
}
