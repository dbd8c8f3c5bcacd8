/// <reference lib="webworker" />
import { SelfsupError, uniforms } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import type { Features } from '@selfsup/evaluation'
import { lockRun } from '@selfsup/run-folder'
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url'
import type { PickedFile, Problem, Report, Request } from '../messages.js'
import { decode, decodeOne, imageFiles, MOST_IMAGES, problemOfFiles } from './decode.js'
import { backboneFile, featuresFile, runFile } from './files.js'
import { forgetLearning, type Learning, openLearning } from './learning.js'
import { drawnLibrary, type Library, loadLibrary, ownLibrary, removeLibrary, saveLibrary } from './library.js'
import { clustersOf, duplicatesOf, featuresOf, similarTo, similarToPixels } from './using.js'
import { keepWeights } from './weights.js'

// Everything but showing: decoding, training, searching. The page stays free to answer.
declare const self: DedicatedWorkerGlobalScope

/** Fewer images than this make no batches of which something can be learned. */
const FEWEST = 8
/** Images in one message to the page, so that no message keeps it busy. */
const PIXELS_AT_A_TIME = 250

let engine: Engine
let library: Library | undefined
let learning: Learning | undefined
let features: { readonly step: number; readonly values: Features } | undefined

const report = (message: Report, transfer: Transferable[] = []) => self.postMessage(message, transfer)
const progress = (what: string) => {
  let told = 0
  return (done: number, total: number) => {
    const now = performance.now()
    if (now - told < 100 && done < total) return
    told = now
    report({ type: 'progress', what, done, total })
  }
}

/** Files of which the rest is still to come. */
let waiting: PickedFile[] = []

/** Requests run one after the other; `pause` does not wait. */
let queue = Promise.resolve()
self.onmessage = ({ data }: MessageEvent<Request>) => {
  if (data.type === 'pause') {
    learning?.pause()
    return
  }
  if (
    data.type === 'forget-run' ||
    data.type === 'forget-all' ||
    data.type === 'open' ||
    data.type === 'drawn'
  )
    learning?.pause()
  queue = queue
    .then(() => handle(data))
    .catch((error: unknown) => report({ type: 'problem', problem: explained(error) }))
}

function explained(error: unknown): Problem {
  const { problem, message, fix } = error as { problem?: string; message?: string; fix?: string }
  return { message: problem ?? message ?? String(error), fix }
}

async function handle(request: Request): Promise<void> {
  switch (request.type) {
    case 'hello':
      return hello(request.engine)
    case 'files':
      if (request.first) waiting = []
      waiting.push(...request.files)
      return
    case 'open': {
      const files = [...waiting, ...request.files]
      waiting = []
      const images = imageFiles(files)
      const problem = problemOfFiles(files, images)
      if (problem) return report({ type: 'problem', problem })
      const chosen = sampled(images)
      const decoded = await decode(chosen, progress('Reading images'))
      const { paths, skipped } = decoded
      if (paths.length < FEWEST)
        return report({
          type: 'problem',
          problem: {
            message:
              paths.length === 0
                ? `This browser can read none of the ${chosen.length} images (for example ${skipped[0]?.path}).`
                : `There ${paths.length === 1 ? 'is only one image' : `are only ${paths.length} images`} that this browser can read.`,
            fix:
              paths.length === 0
                ? 'Convert them to JPEG or PNG.'
                : 'Choose a folder with hundreds of images. The network learns from their differences.',
          },
        })
      const folder = files[0]?.path.split('/')[0] ?? ''
      const name = files[0]?.path.includes('/') ? folder : 'your images'
      const left = images.length - chosen.length
      const note = `The page takes ${MOST_IMAGES.toLocaleString('en')} images at most: a random sample of your ${images.length.toLocaleString('en')}.`
      return use(ownLibrary(name, decoded, left > 0 ? [note] : []))
    }
    case 'drawn':
      return use(drawnLibrary(request.count, progress('Drawing patterns')))
    case 'start': {
      if (!library) return
      if (learning?.state !== 'paused') {
        learning?.dispose()
        learning = undefined
        learning = (await openLearning(library, engine, report, request.choice))!.learning
      }
      return learn()
    }
    case 'weights':
      return report({ type: 'weights', weights: request.file && (await keepWeights(request.file)) })
    case 'forget-run':
      return forgetRun()
    case 'forget-all':
      await forgetRun()
      await removeLibrary()
      library = undefined
      return report({ type: 'images', info: undefined })
    case 'search': {
      const all = await currentFeatures()
      if (!all) return
      const { of } = request
      if (typeof of === 'number') return report({ type: 'found', of, images: await similarTo(all, of) })
      const { size } = library!.info
      const pixels = await decodeOne(of, size)
      if (!pixels)
        return report({
          type: 'problem',
          problem: {
            message: `This browser cannot read ${of.name}.`,
            fix: 'Choose a JPEG, PNG or WebP file.',
          },
        })
      return report({
        type: 'found',
        of: of.name,
        images: await similarToPixels(learning!, all, pixels, size),
      })
    }
    case 'cluster': {
      const all = await currentFeatures()
      if (all)
        report({ type: 'clusters', clusters: await clustersOf(all, Math.min(request.count, all.count)) })
      return
    }
    case 'duplicates': {
      const all = await currentFeatures()
      if (all) report({ type: 'duplicates', groups: await duplicatesOf(all) })
      return
    }
    case 'download': {
      const { what, names } = request
      if (!learning) return
      const made =
        what === 'run'
          ? await runFile()
          : what === 'backbone'
            ? await backboneFile(learning)
            : featuresFile((await currentFeatures())!, library!.info.paths, names)
      return report({ type: 'file', ...made })
    }
  }
}

async function hello(wanted: string): Promise<void> {
  await beTheOnlyPage()
  const wasmPaths = {
    'tfjs-backend-wasm.wasm': plain,
    'tfjs-backend-wasm-simd.wasm': simd,
    'tfjs-backend-wasm-threaded-simd.wasm': threaded,
  }
  engine = await prepareEngine({ engine: (wanted || 'auto') as 'auto', wasmPaths })
  const { name, description, missing } = engine
  report({ type: 'engine', name, description, missing })
  library = await loadLibrary()
  if (library) {
    show(library)
    const opened = await openLearning(library, engine, report)
    learning = opened?.learning
    if (opened?.goOn) {
      report({ type: 'ready' })
      return learn()
    }
  }
  report({ type: 'ready' })
}

/** Waits until no other page of the site uses the playground: a page that is reloaded needs a moment to end. */
async function beTheOnlyPage(): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await lockRun('playground')
      return
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== 'run-locked') throw error
      if (attempt > 20)
        throw new SelfsupError('The playground is open in another tab or window.', {
          fix: 'Close one of them, and reload.',
        })
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}

/** A random sample of too many files. */
function sampled<File>(files: readonly File[]): readonly File[] {
  if (files.length <= MOST_IMAGES) return files
  const draws = uniforms([1, 0x91a7], files.length)
  const order = [...files.keys()].sort((a, b) => draws[a]! - draws[b]!).slice(0, MOST_IMAGES)
  return order.sort((a, b) => a - b).map((i) => files[i]!)
}

async function use(opened: Library): Promise<void> {
  await forgetRun()
  library = opened
  show(opened)
  await saveLibrary(opened)
}

/** Sends the images to the page, in parts that it can take without a pause. */
function show({ info, pixels }: Library): void {
  const bytes = info.size ** 2 * 3
  for (let start = 0; start < info.count; start += PIXELS_AT_A_TIME) {
    const data = pixels.slice(start * bytes, (start + PIXELS_AT_A_TIME) * bytes)
    report({ type: 'pixels', start, count: info.count, size: info.size, data }, [data.buffer])
  }
  report({ type: 'images', info })
}

async function learn(): Promise<void> {
  features = undefined
  await learning!.run()
}

async function forgetRun(): Promise<void> {
  learning?.dispose()
  learning = undefined
  features = undefined
  await forgetLearning()
  report({ type: 'run', state: 'none', step: 0, totalSteps: 0, curve: [], looks: [], watched: [] })
}

async function currentFeatures(): Promise<Features | undefined> {
  if (!library || !learning) return undefined
  if (features?.step !== learning.step) {
    const { step } = learning
    features = {
      step,
      values: await featuresOf(learning, library.dataset, progress('Looking at all images')),
    }
  }
  return features.values
}
