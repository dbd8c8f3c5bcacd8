export { automaticBackbone, automaticBatch, automaticSize, type Resources } from './automatic-settings.js'
export { checkBackbone } from './backbone-source.js'
export { defaultNormalisation } from './default-normalisation.js'
export { type ExportFormat, type ExportRequest, type ExportResult, exportModel } from './export-model.js'
export { type ExportedModel, exportedFolder, loadExported, openExportedModel } from './exported-model.js'
export {
  digest,
  type Extraction,
  type FeatureMaker,
  type FeatureShare,
  type FeatureSource,
  featuresOf,
  joinedFeatures,
  pixelFeatures,
  resamplingKey,
  shareOfFeatures,
} from './features.js'
export { type FileImageShape, fileImageShape, overrideReading } from './file-images.js'
export { normalisationFor } from './image-statistics.js'
export {
  defaultBackbone,
  disposeMethod,
  type MethodSpec,
  makeMethod,
  methodOfRun,
} from './make-method.js'
export { type ModelOptions, openModel, resultsFolder } from './open-model.js'
export { type OpenedRun, openRun } from './open-run.js'
export { pretrainedInput } from './pretrained-backbone.js'
export { findMethod, isMethod, methodNames } from './registry.js'
export { scoreOf } from './score.js'
export { absoluteSource, greyOrColour, openImagesOfRun, openSource, type SourceOptions } from './source.js'
export { storedOptions } from './stored-options.js'
export { openSubject } from './subject.js'
export type { OpenedSubject, SubjectRequest } from './subject-request.js'
export { makeMethodWithTeacher, recreateMethod, type TrainingContext } from './taught-method.js'
export { type OpenedTeacher, openTeacher, withFeatures } from './teacher.js'
export { untrainedFeatures } from './untrained.js'
export { type ViewsSheet, writeViews } from './views-sheet.js'
