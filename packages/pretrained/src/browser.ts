// What bundlers take for a browser: backbones from safetensors files.
export type { Architecture } from './architecture.js'
export type { PretrainedBackbone, PretrainedOptions } from './backbone-of-file.js'
export { loadPretrainedFile } from './load-file.js'
