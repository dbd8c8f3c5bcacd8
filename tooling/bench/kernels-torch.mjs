// Kernels of WebGPU next to PyTorch's on the processor (kernels-torch.py): the time alone.
import { measureKernels } from './kernel-cases.mjs'

await measureKernels('ours', { counting: false })
