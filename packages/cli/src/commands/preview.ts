import {
  automaticSize,
  disposeMethod,
  findMethod,
  makeMethod,
  normalisationFor,
  openSource,
  writeViews,
} from '@selfsup/runs'
import { methodOptions, type Settings } from '../config.js'
import { startEngine } from '../engine.js'
import { type ImageFlags, readingOf } from '../image-flags.js'
import { progressView } from '../progress.js'
import { reportSkipped } from '../training.js'

/** Flags of `selfsup preview`. */
export interface PreviewFlags extends ImageFlags {
  readonly method?: string
  readonly set?: readonly string[]
  readonly out?: string
  readonly size?: number
  readonly count?: number
  readonly seed?: number
  readonly engine?: Settings['engine']
}

/** `selfsup preview IMAGES`: writes a PNG with images and the views that a method creates of them. */
export async function preview(source: string, flags: PreviewFlags): Promise<number> {
  const { out = 'preview.png', count = 8, seed = 1 } = flags
  const definition = await findMethod(flags.method ?? 'simclr')
  const view = progressView(process.stderr)
  const dataset = await openSource(source, {
    size: flags.size,
    count: source === 'shapes' ? count : undefined,
    reading: readingOf(flags),
    onNote: view.note,
  })
  try {
    const engine = await startEngine(flags.engine)
    const size = flags.size ?? automaticSize(dataset, { engine })
    const { channels } = dataset
    const normalisation = await normalisationFor(dataset)
    // The views depend on the method and its options, not on its networks: any network serves as backbone and as teacher.
    const model = definition.needsTeacher ? await standIn({ size, channels }) : undefined
    const method = await makeMethod({
      ...(model && { teacher: { source: 'preview', fingerprint: '', model, normalisation } }),
      method: definition.name,
      options: methodOptions(definition, flags.set ?? []),
      imageShape: { size, channels },
      normalisation,
      backbone: definition.backbone ?? 'convnet',
      seed,
      imageCount: dataset.length,
    })
    const views = await writeViews(out, { method, dataset, size, normalisation, count, seed })
    disposeMethod(method)
    model?.dispose()
    reportSkipped(dataset, view)
    view.note(`Wrote ${out}: original images in the first row, ${views} views of each below`)
    return 0
  } finally {
    await dataset.close()
  }
}

/** A small network in place of a teacher. */
async function standIn(input: { readonly size: number; readonly channels: number }) {
  const { convnet } = await import('@selfsup/backbones')
  return convnet({ ...input, widths: [4] })
}
