import { useEffect, useReducer, useRef } from 'preact/hooks'
import type { Report, Request } from '../messages.js'
import { addPixels } from './pixels.js'
import { after, INITIAL, type PageState } from './state.js'

export type Send = (request: Request) => void

/** Starts the worker, and follows what it reports. */
export function useWorker(): {
  readonly state: PageState
  readonly send: Send
  readonly dismiss: () => void
} {
  const [state, dispatch] = useReducer(after, INITIAL)
  const worker = useRef<Worker | undefined>(undefined)
  useEffect(() => {
    const started = new Worker(new URL('../worker/worker.ts', import.meta.url), { type: 'module' })
    worker.current = started
    started.onmessage = ({ data }: MessageEvent<Report>) => {
      if (data.type === 'pixels') addPixels(data.start, data.count, data.size, data.data)
      else if (data.type === 'file') save(data.name, data.data)
      else dispatch(data)
    }
    started.onerror = ({ message }) =>
      dispatch({
        type: 'problem',
        problem: {
          message: `The worker failed: ${message || 'it could not be loaded'}.`,
          fix: 'Reload the page.',
        },
      })
    const engine = new URLSearchParams(location.search).get('engine') ?? 'auto'
    started.postMessage({ type: 'hello', engine } satisfies Request)
    return () => started.terminate()
  }, [])
  return {
    state,
    send: (request) => worker.current?.postMessage(request),
    dismiss: () => dispatch({ type: 'dismiss' }),
  }
}

/** Gives a file to the user. */
function save(name: string, data: Blob): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(data)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
