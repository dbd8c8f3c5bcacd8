export { definition, type GenerativeOptions, generative } from './generative.js'
