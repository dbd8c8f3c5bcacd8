// What bundlers take for a browser: datasets in memory.

export type { FileFacts, ImageSample } from './image-sample.js'
export { type Records, readFrom, recordDataset } from './record-dataset.js'
export { shapeNames } from './shapes/kinds.js'
export {
  type ShapeAnnotation,
  type ShapesDataset,
  type ShapesOptions,
  type ShapeValue,
  shapes,
} from './shapes/shapes.js'
