import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { recipeOf } from '@selfsup/backbones'
import { addModelNotes, expected, type Preprocessing, readModelNotes } from '@selfsup/core'
import { explainWriteErrors, writeAtomically } from '@selfsup/run-folder'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { openModel } from './open-model.js'
import { openRun } from './open-run.js'

/** Formats in which models are written, with the ending of the default name. */
const endings = { onnx: '.onnx', safetensors: '.safetensors', tfjs: '-tfjs' } as const

export type ExportFormat = keyof typeof endings

/** What to export, and where. */
export interface ExportRequest {
  /** folder of a run or of an exported model, or a pretrained model as `openModel` takes it */
  readonly model: string
  readonly format: ExportFormat
  /** a file, or a folder for tfjs; default: the name of the model's folder, in the current folder */
  readonly out?: string
  /** input of an ONNX model: bytes with channels last, or floats in 0..1 with channels first; default uint8 */
  readonly input?: 'uint8' | 'float'
  /** export the backbone even if the method computes its features from more than the backbone's output; default false */
  readonly backboneOnly?: boolean
  /** called if the preprocessing is unknown */
  readonly onNote?: (text: string) => void
}

/** An exported model. */
export interface ExportResult {
  readonly out: string
  readonly format: ExportFormat
  /** width of the output */
  readonly features: number
  readonly preprocessing: Preprocessing
  /** whose weight names a safetensors file has */
  readonly names?: 'torchvision' | 'timm' | 'own'
}

/**
 * Writes the model of a run, an exported or a pretrained model, in a format that other programs read, with its preprocessing. Prepare an
 * engine first.
 * @throws SelfsupError before anything is written, if the features are more than the model's output, the preprocessing does
 *   not fit, or the format does not support a layer
 */
export async function exportModel(request: ExportRequest): Promise<ExportResult> {
  const { format } = request
  const opened = await openForExport(request)
  try {
    const { model, preprocessing, complete } = opened
    const out = request.out ?? `${basename(resolve(request.model))}${endings[format]}`
    await expectFree(out, format)
    const features = model.outputs[0]!.shape.at(-1)!
    const result = { out, format, features, preprocessing }
    const about = JSON.stringify({
      ...preprocessing,
      features,
      model: model.name,
      stem: recipeOf(model)?.options.stem,
    })
    if (format === 'tfjs') {
      const { exportBackbone } = await import('@selfsup/train')
      await explainWriteErrors(out, exportBackbone(addModelNotes(model, { preprocessing, complete }), out))
      return result
    }
    const { toOnnx, torchWeights } = await import('@selfsup/export')
    if (format === 'safetensors') {
      const { writeSafetensors } = await import('@selfsup/train')
      const { names, tensors } = await torchWeights(model)
      await explainWriteErrors(
        out,
        writeSafetensors(out, { tensors, metadata: { format: 'pt', selfsup: about } }),
      )
      return { ...result, names }
    }
    const { input = 'uint8' } = request
    const { normalisation } = preprocessing
    const bytes = await toOnnx(model, { input, normalisation, metadata: { selfsup: about } })
    await explainWriteErrors(
      out,
      writeAtomically(out, (file) => file.writeFile(bytes)),
    )
    return result
  } finally {
    opened.dispose()
  }
}

async function openForExport(request: ExportRequest): Promise<{
  readonly model: LayersModel
  readonly preprocessing: Preprocessing
  /** whether the features are the model's output */
  readonly complete: boolean
  dispose(): void
}> {
  const { backboneOnly = false, onNote } = request
  const found = await openModel(request.model, { onNote })
  const opened = found ?? (await openRun(request.model))
  try {
    const model = 'model' in opened ? opened.model : opened.backbone
    const complete = 'model' in opened ? readModelNotes(model).complete !== false : !opened.method?.encode
    expected(
      complete || backboneOnly,
      `${request.model}: its method computes the features from more than the output of the backbone, and only the backbone can be exported`,
      { code: 'unsupported', fix: 'export the backbone alone (backboneOnly), whose features differ' },
    )
    const [, size, , channels] = model.inputs[0]!.shape as [null, number, number, number]
    const { normalisation, reading } = opened
    expected(
      normalisation.mean.length === channels,
      `${request.model}: its backbone takes ${channels} channels that the method computes from ${normalisation.mean.length}; such a backbone can't be exported with its preprocessing`,
      { code: 'unsupported' },
    )
    const resampling = found?.resampling
    const preprocessing = {
      size,
      channels,
      normalisation,
      ...(resampling && { resampling }),
      ...(reading && { reading }),
    }
    return { model, preprocessing, complete, dispose: () => opened.dispose() }
  } catch (error) {
    opened.dispose()
    throw error
  }
}

/** @throws SelfsupError if the name does not fit the format, or is that of a folder or file that can't be replaced */
async function expectFree(out: string, format: ExportFormat): Promise<void> {
  const found = await stat(out).catch(() => undefined)
  if (format === 'tfjs') {
    expected(!found || found.isDirectory(), `${out} is a file; a tfjs model is a folder`, { path: out })
    return
  }
  expected(out.endsWith(endings[format]), `the file must end in ${endings[format]}; got '${out}'`)
  expected(!found?.isDirectory(), `${out} is a folder; the ${format} model is a file`, { path: out })
}
