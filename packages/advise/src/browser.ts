// What bundlers take for a browser: measures and recommendations for images in memory.
export { type Advice, type AdviseOptions, advise } from './advise.js'
export { type MeasureOptions, type Measures, measure, type Sizes } from './measure.js'
export type { Verdict } from './verdicts.js'
