export { type DecoderOptions, decoder } from './decoder.js'
export { definition, type GenerativeOptions, generative } from './generative.js'
export { sideBySide } from './pixels.js'
