export { type CpcOptions, cpc, definition } from './cpc.js'
