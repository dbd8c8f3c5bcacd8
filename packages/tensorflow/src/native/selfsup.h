// What the addon beside TensorFlow.js's binding consists of.
#pragma once

#include <node_api.h>

namespace selfsup {

// Adds the operation SelfsupViews to TensorFlow's.
void RegisterViews();

// Adds the operations SelfsupNormalisation and SelfsupNormalisationGradient.
void RegisterNormalisation();

// Adds the operations SelfsupConvolution, SelfsupConvolutionInput, SelfsupConvolutionFilter and
// SelfsupConvolutionFilterBfloat16.
void RegisterConvolutions();
// 2 on a processor that they are made for, 1 on one that merely runs them, otherwise 0.
int OwnConvolutions();
// The same of the one with bfloat16.
int OwnBfloat16();

// cropJpeg(file, boxes, sizes, targets): see jpeg.cc.
napi_value CropJpeg(napi_env env, napi_callback_info info);

}  // namespace selfsup
