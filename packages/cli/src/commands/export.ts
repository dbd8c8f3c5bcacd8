import { SelfsupError } from '@selfsup/core'
import { type ExportFormat, exportModel } from '@selfsup/runs'
import type { Settings } from '../config.js'
import { runOrModel } from '../encoder.js'
import { startEngine } from '../engine.js'
import { progressView } from '../progress.js'

/** Flags of `selfsup export`. */
export interface ExportFlags {
  readonly format: ExportFormat
  readonly out?: string
  readonly input?: 'uint8' | 'float'
  readonly backboneOnly?: boolean
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

const namesOf = { torchvision: 'torchvision’s', timm: 'timm’s', own: 'the network’s own' } as const

/** `selfsup export RUN --format FORMAT`: writes the model for other programs, with its preprocessing. */
export async function exportRun(model: string, { json, engine, ...request }: ExportFlags): Promise<number> {
  if (request.input && request.format !== 'onnx')
    throw new SelfsupError(`--input is for --format onnx; got --format ${request.format}`)
  const view = progressView(process.stderr)
  await startEngine(engine)
  const result = await runOrModel(model, exportModel({ ...request, model, onNote: view.note }))
  const { out, features, names, preprocessing } = result
  if (json) console.log(JSON.stringify(result))
  else {
    const { size, channels } = preprocessing
    view.note(
      `Wrote ${out}: images of ${size} x ${size} pixels and ${channels} channels to ${features} features`,
    )
    if (names) view.note(`The weights have ${namesOf[names]} names`)
  }
  return 0
}
