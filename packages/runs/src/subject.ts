import { expected, type Method } from '@selfsup/core'
import type { ExportedModel } from './exported-model.js'
import { digest } from './features.js'
import { fileImageShape } from './file-images.js'
import { openFeatures } from './given-features.js'
import { openImageSubject } from './image-subject.js'
import { openModel } from './open-model.js'
import { openRun } from './open-run.js'
import type { OpenedSubject, SubjectRequest } from './subject-request.js'
import { expectFitting, mapsOf, startsOf, trainableModel } from './trainable.js'
import { untrainedFeatures } from './untrained.js'

/**
 * Opens a run, an exported or pretrained model, or features for evaluation, with the images. Prepare an engine first.
 * @throws SelfsupError if nothing can be opened, or the inputs don't fit together
 */
export async function openSubject(request: SubjectRequest): Promise<OpenedSubject> {
  const given = [request.train, request.test].map((path) => path.endsWith('.npy'))
  if (given[0] && given[1]) return openFeatures(request)
  expected(
    !given[0] && !given[1],
    `${request.train} and ${request.test}: both must be images or both features (.npy)`,
  )
  const { run, onNote } = request
  const model = await openModel(run, { onNote })
  return model ? openModelSubject(request, model) : openRunSubject(request)
}

async function openRunSubject(request: SubjectRequest): Promise<OpenedSubject> {
  const { other, onNote = () => {} } = request
  const run = await openRun(request.run)
  const { maker, method, config, step } = run
  try {
    const otherRun = other === undefined ? undefined : await openRun(other)
    const otherWeights = otherRun ? await digest(otherRun.maker) : ''
    otherRun?.dispose()
    if (otherRun) {
      expectFitting(otherRun, run)
      if (JSON.stringify(otherRun.config.dataset) === JSON.stringify(config.dataset))
        onNote(
          `${other}, the other run, was trained on the same images as ${request.run}: it is not another domain`,
        )
    }
    const random = request.baselines ? await untrainedFeatures(config) : undefined
    try {
      const opened = await openImageSubject(request, {
        folder: request.run,
        name: `${config.method}, step ${step}`,
        maker,
        random: random?.maker,
        step,
        imageShape: fileImageShape(run),
        normalisation: run.normalisation,
        starts: startsOf(run, other),
        places: (await mapsOf(maker)) !== undefined,
        clusters: method?.clusters && ((images, context) => method.clusters!(images, context)),
      })
      return { ...opened, otherWeights }
    } finally {
      random?.dispose()
    }
  } finally {
    run.dispose()
  }
}

async function openModelSubject(request: SubjectRequest, opened: ExportedModel): Promise<OpenedSubject> {
  const { folder, maker, normalisation, resampling } = opened
  const copy = async () => (await openModel(request.run))!.model
  const network = async (backbone: Method['networks']['backbone']) =>
    trainableModel(backbone, await mapsOf({ networks: { backbone } }))
  try {
    expected(!request.other, `\`other\` needs the folder of a run; ${request.run} is a model`)
    return await openImageSubject(request, {
      folder,
      name: maker.name,
      maker,
      step: 0,
      imageShape: fileImageShape(opened),
      normalisation,
      resampling,
      starts: [
        { name: 'pretrained', make: async () => network(await copy()) },
        {
          name: 'random',
          make: async () => {
            const { initialise } = await import('@selfsup/backbones')
            return network(initialise(await copy(), 1, 'he'))
          },
        },
      ],
      places: (await mapsOf({ networks: maker.networks })) !== undefined,
    })
  } finally {
    opened.dispose()
  }
}
