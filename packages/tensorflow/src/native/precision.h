// Which operations of a captured step compute in bfloat16 under mixed precision.
//
// The policy, on every engine:
// - Products (convolutions, matrix products and their gradients) of a network take bfloat16 and add up in float32. A
//   product is a network's if one of its operands is, or depends on, a weight: a variable with two axes or more. Losses
//   ask for float32 where their logits or covariances need it (attribute kFloat32Attribute).
// - What only moves, selects, normalises, rectifies or adds two such activations passes bfloat16 on.
// - Everything else is float32, and so is each result that leaves the step: weights, optimiser slots, momentum networks,
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
  // Operands and results of products are rounded to bfloat16, the products themselves are computed in float32: the same
  // numbers, up to the order of sums, on processors without instructions for bfloat16.
  kEmulatedBfloat16,
};

enum class Treatment {
  kFloat32,  // computes in float32
  kProduct,  // computes in bfloat16; the result is an activation, or the gradient of one
  kFilter,   // computes in bfloat16; the result is the gradient of a weight, and float32 from here on
  kFollow,   // computes in the type of its leading inputs
  kSum,      // computes in bfloat16 if both inputs are bfloat16, of one shape, with more than two axes
};

struct Rule {
  Treatment treatment = Treatment::kFloat32;
  // kFollow: positions of the inputs that have to be bfloat16; empty: all inputs of a floating-point type
  std::vector<int> leading;
  // kFollow: the inputs that are converted to the leading ones' type; others stay float32
  std::vector<int> converted;
};

const Rule& RuleOf(const std::string& operation);

// Whether a device ("CPU", "GPU", "XLA_GPU_JIT", ...) has a kernel for an operation on a type.
bool HasKernel(const std::string& operation, const std::string& device, TF_DataType type);

}  // namespace selfsup
