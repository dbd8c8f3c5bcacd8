export { retrieval } from './retrieval.js'
