export { type ArrayOptions, arrayDataset } from './array-dataset.js'
export { imageCacheFolder } from './cache-folder.js'
export { contactSheet } from './contact-sheet.js'
export { type CanvasOptions, digitCanvas } from './digit-canvas.js'
export { extensions } from './folder-images.js'
export type { FileFacts, ImageSample } from './image-sample.js'
export { type OpenOptions, openImages } from './open-images.js'
export { type GivenFeatures, readFeatures } from './read-features.js'
export { type Records, readFrom, recordDataset } from './record-dataset.js'
export { rowsAsSeries } from './rows-as-series.js'
export {
  type SampleOptions,
  sampleDataset,
  sampleImages,
  sampleOpened,
} from './sample-images.js'
export { shapeNames } from './shapes/kinds.js'
export {
  type ShapeAnnotation,
  type ShapesDataset,
  type ShapesOptions,
  type ShapeValue,
  shapes,
} from './shapes/shapes.js'
export { streamImages } from './stream-images.js'
export { type FeatureTable, writeFeatures } from './write-features.js'
