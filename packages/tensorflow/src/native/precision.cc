#include "precision.h"

#include <unordered_map>

#include "proto.h"
#include "status.h"

namespace selfsup {
namespace {

Rule Follow(std::vector<int> leading, std::vector<int> converted = {}) {
  Rule rule{Treatment::kFollow, leading, leading};
  rule.converted.insert(rule.converted.end(), converted.begin(), converted.end());
  return rule;
}

std::unordered_map<std::string, Rule> Rules() {
  std::unordered_map<std::string, Rule> rules;
  for (const char* name :
       {"Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput", "Conv3D",
        "Conv3DBackpropInputV2", "MatMul", "BatchMatMul", "BatchMatMulV2", "SelfsupConvolution", "SelfsupConvolutionInput",
        "SelfsupConvolutionBfloat16", "SelfsupConvolutionInputBfloat16"})
    rules[name] = {Treatment::kProduct, {}, {}};
  for (const char* name : {"Conv2DBackpropFilter", "DepthwiseConv2dNativeBackpropFilter", "Conv3DBackpropFilterV2",
                           "SelfsupConvolutionFilter", "SelfsupConvolutionFilterBfloat16"})
    rules[name] = {Treatment::kFilter, {}, {}};
  for (const char* name : {"Add", "AddV2"}) rules[name] = {Treatment::kSum, {}, {}};
  // Operations that only move values, which is exact.
  for (const char* name :
       {"Identity", "Reshape", "Squeeze", "ExpandDims", "Transpose", "Slice", "StridedSlice", "Pad", "MirrorPad", "Unpack",
        "SplitV", "GatherV2", "Tile", "ReverseV2", "ResizeNearestNeighbor", "SpaceToDepth", "DepthToSpace"})
    rules[name] = Follow({0});
  rules["PadV2"] = Follow({0}, {2});
  rules["Split"] = Follow({1});
  rules["Pack"] = rules["Concat"] = rules["ConcatV2"] = {Treatment::kFollow, {}, {}};
  // Rectifiers and maxima, which are exact too, and their gradients, which have the type of the forward pass. Of these only
  // MaxPoolGrad adds, where windows overlap.
  for (const char* name : {"Relu", "Relu6", "MaxPool"}) rules[name] = Follow({0});
  for (const char* name : {"ReluGrad", "Relu6Grad"}) rules[name] = Follow({1}, {0});
  rules["MaxPoolGrad"] = Follow({0}, {1, 2});
  // Normalisation, with float32 statistics, scales and shifts.
  for (const char* name :
       {"FusedBatchNormV3", "SelfsupNormalisation", "SelfsupNormalisationMoments", "SelfsupNormalisationScale"})
    rules[name] = Follow({0});
  for (const char* name : {"FusedBatchNormGradV3", "SelfsupNormalisationGradient", "SelfsupNormalisationGradientSums",
                           "SelfsupNormalisationGradientSpread"})
    rules[name] = Follow({1}, {0});
  return rules;
}

// Whether a KernelDef's constraint (name = 1, allowed_values = 2, an AttrValue whose list = 1 has type = 6) allows a type.
bool Admits(ProtoReader constraint, TF_DataType type) {
  bool on_type = false, found = false;
  while (constraint.Next()) {
    if (constraint.field() == 1) {
      const std::string name = constraint.text();
      on_type = name == "T" || name == "Tparams";
    }
    if (constraint.field() != 2) continue;
    for (ProtoReader value = constraint.message(); value.Next();) {
      if (value.field() != 1) continue;
      for (ProtoReader list = value.message(); list.Next();) {
        if (list.field() != 6) continue;
        if (list.number() == static_cast<uint64_t>(type)) found = true;
        for (ProtoReader packed = list.message(); !packed.done();)
          if (packed.Varint() == static_cast<uint64_t>(type)) found = true;
      }
    }
  }
  return !on_type || found;
}

}  // namespace

const Rule& RuleOf(const std::string& operation) {
  static const auto* rules = new std::unordered_map<std::string, Rule>(Rules());
  static const Rule none;
  const auto found = rules->find(operation);
  return found == rules->end() ? none : found->second;
}

bool HasKernel(const std::string& operation, const std::string& device, TF_DataType type) {
  Status status;
  TF_Buffer* kernels = TF_GetRegisteredKernelsForOp(operation.c_str(), status);
  status.Check();
  bool has = false;
  // KernelList: kernel = 1; KernelDef: device_type = 2, constraint = 3
  for (ProtoReader list(kernels->data, kernels->length); list.Next() && !has;) {
    if (list.field() != 1) continue;
    bool here = false, admitted = true;
    for (ProtoReader kernel = list.message(); kernel.Next();) {
      if (kernel.field() == 2) here = kernel.text() == device;
      if (kernel.field() == 3) admitted = admitted && Admits(kernel.message(), type);
    }
    has = here && admitted;
  }
  TF_DeleteBuffer(kernels);
  return has;
}

}  // namespace selfsup
