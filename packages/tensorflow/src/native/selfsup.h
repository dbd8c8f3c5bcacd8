// The parts of the addon in addition to the TensorFlow.js binding.
#pragma once

#include <node_api.h>

namespace selfsup {

// Registers the operation SelfsupViews with TensorFlow.
void RegisterViews();

// Registers the operations SelfsupNormalisation and SelfsupNormalisationGradient, and their passes.
void RegisterNormalisation();

// Registers the operations SelfsupConvolution, SelfsupConvolutionInput and SelfsupConvolutionFilter, and the same with Bfloat16
// at the end of their names.
void RegisterConvolutions();
// 2 if our convolutions are faster than TensorFlow's on this processor, 3 if only some are, 1 if they only run, otherwise 0.
int OwnConvolutions();
// The same for those with bfloat16: 2 if the filter gradient is faster, 3 if all of them are for some convolutions.
int OwnBfloat16();

// cropJpeg(file, boxes, sizes, targets): see jpeg.cc.
napi_value CropJpeg(napi_env env, napi_callback_info info);

}  // namespace selfsup
