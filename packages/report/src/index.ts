export { parseRecord } from '@selfsup/run-folder'
export { type DetailOptions, type DetailSources, detailsOf, shownPositions } from './details.js'
export { embeddingMap, type LabelledFeatures, type MapOptions } from './map.js'
export type {
  Atlas,
  Curve,
  EmbeddingMap,
  PageData,
  RunDetails,
  RunState,
  RunView,
  Sheet,
} from './page-data.js'
export { type FeatureRows, placeFeatures } from './place-features.js'
export { type ReportOptions, report, reportData, type SourcesOf, writeReport } from './report.js'
export { RunReader, type RunReaderOptions, summaryOf } from './run-reader.js'
export { type RunServer, type ServeOptions, serveRuns } from './serve.js'
export { thumbnails } from './thumbnails.js'
