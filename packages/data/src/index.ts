export { type ArrayOptions, arrayDataset } from './array-dataset.js'
export { imageCacheFolder } from './cache-folder.js'
export { contactSheet } from './contact-sheet.js'
export { extensions } from './folder-images.js'
export { type OpenOptions, openImages } from './open-images.js'
export { type Records, recordDataset } from './record-dataset.js'
export { rowsAsSeries } from './rows-as-series.js'
export { kindNames } from './shapes/kinds.js'
export {
  type ShapeAnnotation,
  type ShapesDataset,
  type ShapesOptions,
  type ShapeValue,
  shapes,
} from './shapes/shapes.js'
export { type FeatureTable, writeFeatures } from './write-features.js'
