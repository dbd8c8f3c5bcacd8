export { definition, type SimclrOptions, simclr } from './simclr.js'
