export { definition, type IicOptions, iic } from './iic.js'
