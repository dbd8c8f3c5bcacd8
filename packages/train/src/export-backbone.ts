import type { LayersModel } from '@tensorflow/tfjs-layers'
export async function exportBackbone(_model: LayersModel, _folder: string): Promise<void> {}
