// Which operations of a captured step compute in bfloat16 in mixed precision.
//
// The policy, on every engine:
// - Products (convolutions, matrix products and their gradients) of a network take bfloat16 and accumulate in float32. A
//   product belongs to a network if one of its operands is, or depends on, a weight: a variable with two axes or more.
//   Losses request float32 if their logits or covariances need it (attribute kFloat32Attribute).
// - Operations that move, select, normalise, rectify or add such activations keep bfloat16.
// - Everything else is float32, including every result that leaves the step: weights, optimiser slots, momentum networks,
//   statistics, losses, reductions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensorflow/c/c_api.h"

namespace selfsup {

enum class Precision {
  kFloat32,
  kBfloat16,
  // Operands and results of products are rounded to bfloat16, and the products are computed in float32: the same numbers,
  // up to the order of sums, on processors without bfloat16 instructions.
  kEmulatedBfloat16,
};

enum class Treatment {
  kFloat32,  // computes in float32
  kProduct,  // computes in bfloat16; the result is an activation, or the gradient of one
  kFilter,   // computes in bfloat16; the result is the gradient of a weight, converted to float32
  kFollow,   // computes in the type of its leading inputs
  kSum,      // computes in bfloat16 if both inputs are bfloat16 and have the same shape with more than two axes
};

struct Rule {
  Treatment treatment = Treatment::kFloat32;
  // kFollow: positions of the inputs that must be bfloat16; empty: all inputs of a floating-point type
  std::vector<int> leading;
  // kFollow: the inputs that are converted to the type of the leading inputs; others stay float32
  std::vector<int> converted;
};

const Rule& RuleOf(const std::string& operation);

// Whether a device ("CPU", "GPU", "XLA_GPU_JIT", ...) has a kernel of an operation for a type.
bool HasKernel(const std::string& operation, const std::string& device, TF_DataType type);

}  // namespace selfsup
