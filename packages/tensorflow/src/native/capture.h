// A step that is being captured: its operations become nodes of a graph, run nothing, and tell their shapes.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine.h"

namespace selfsup {

class Capture {
 public:
  // halved: convolutions and matrix products compute in bfloat16 what comes and goes as float32
  Capture(Engine& engine, uint32_t number, size_t largest_constant, bool halved)
      : number(number), largest_constant_(largest_constant), halved_(halved), engine_(engine) {}
  ~Capture() { TF_DeleteGraph(graph_); }
  Capture(const Capture&) = delete;

  // Adds an operation; its outputs' facts go to the exchange as those of one that ran.
  void Operation(const Definition& definition, int32_t inputs, int32_t outputs);
  // A constant from the host.
  int32_t Constant(TF_Tensor* tensor);
  // Turns the graph into a function of the captured tensors; their numbers are written to the exchange.
  int32_t Finish(const char* name, int32_t outputs, bool xla);
  // Whether XLA has something for each operation. It knows only after it has compiled something.
  bool XlaHasAll() const;

  const uint32_t number;

 private:
  TF_Output Input(int32_t id);
  TF_Output Const(TF_Tensor* tensor);
  TF_Output Cast(TF_Output value, TF_DataType type);
  void SetShape(TF_Operation* convolution);
  TF_Output SizedViews(TF_Operation* views);
  TF_OperationDescription* New(const char* type);
  bool IsLarge(TF_Output output, const char* name);
  TF_Output Done(TF_OperationDescription* description, const char* type);
  const std::vector<int>& Arguments(const std::string& name);
  std::vector<int64_t> Shape(TF_Output output, const char* name);

  const size_t largest_constant_;
  const bool halved_;
  Engine& engine_;
  TF_Graph* graph_ = TF_NewGraph();
  int nodes_ = 0;
  TF_Operation* last_large_ = nullptr;
  std::unordered_set<std::string> names_;
  std::vector<int32_t> ids_;
  std::vector<TF_Output> placeholders_;
  std::unordered_map<int32_t, TF_Output> inputs_;
};

}  // namespace selfsup
