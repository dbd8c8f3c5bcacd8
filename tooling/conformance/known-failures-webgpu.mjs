/**
 * Specs that fail on WebGPU, by parts of their names, and the reason. Found on SwiftShader.
 * @type {readonly { reason: string, specs: string[] }[]}
 */
export const knownFailures = [
  {
    reason: 'the backend has no such kernel, which is an exception',
    specs: [
      'bitwiseAnd',
      'NonMaxSuppressionPadded',
      'raggedGather',
      'raggedRange',
      'raggedTensorToTensor',
      'sparseFillEmptyRows',
      'sparseReshape',
      'staticRegexReplace',
      'stringSplit',
      'stringToHashBucketFast',
      'unique',
    ],
  },
  {
    reason: 'indices on the device are not checked',
    specs: [
      'gather test-webgpu {} throws when index is out of bound',
      'sparseSegmentMean test-webgpu {} throw error',
      'sparseSegmentSum test-webgpu {} indices invalid',
      'sparseSegmentSum test-webgpu {} segments invalid',
    ],
  },
  {
    reason: 'angles beyond 8192 are left to the device, whose sine and cosine do not reduce them exactly',
    specs: ['tan test-webgpu {} numbers exceed float32 precision'],
  },
  { reason: 'Node has no canvas', specs: ['fromPixels, mock canvas'] },
]
