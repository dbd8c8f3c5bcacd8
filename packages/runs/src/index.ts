export { checkBackbone } from './backbone-source.js'
export { pretrainedInput } from './pretrained-backbone.js'
export { type ExportedModel, exportedFolder, loadExported, openExportedModel } from './exported-model.js'
export {
  digest,
  type FeatureMaker,
  type FeatureSource,
  featuresOf,
  pixelFeatures,
  resamplingKey,
} from './features.js'
export { type FileImageShape, fileImageShape } from './file-images.js'
export {
  defaultBackbone,
  defaultNormalisation,
  disposeMethod,
  type MethodSpec,
  makeMethod,
  methodOfRun,
} from './make-method.js'
export { type ModelOptions, openModel, resultsFolder } from './open-model.js'
export { type OpenedRun, openRun } from './open-run.js'
export { findMethod, isMethod, methodNames } from './registry.js'
export { absoluteSource, openImagesOfRun, openSource, type SourceOptions } from './source.js'
export { storedOptions } from './stored-options.js'
export { openSubject } from './subject.js'
export type { OpenedSubject, SubjectRequest } from './subject-request.js'
export { untrainedMaker } from './untrained.js'
export { type ViewsSheet, writeViews } from './views-sheet.js'
