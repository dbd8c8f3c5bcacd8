// A step that is being captured: its operations become nodes of a graph and return their shapes without running.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine.h"
#include "precision.h"

namespace selfsup {

class Capture {
 public:
  // weights: numbers of the tensors whose products compute in bfloat16 in mixed precision
  Capture(Engine& engine, uint32_t number, size_t largest_constant, Precision precision, bool xla,
          std::unordered_set<int32_t> weights);
  ~Capture() { TF_DeleteGraph(graph_); }
  Capture(const Capture&) = delete;

  // Adds an operation. Writes number, type and shape of its outputs to the exchange, as for an operation that ran.
  void Operation(const Definition& definition, int32_t inputs, int32_t outputs);
  // Adds a constant from the host.
  int32_t Constant(TF_Tensor* tensor);
  // Turns the graph into a function of the captured tensors, whose numbers it writes to the exchange.
  // The name of the function is a hash of the graph, so that XLA finds it in its cache in later processes.
  int32_t Finish(int32_t outputs, bool xla);
  // Whether XLA supports all operations. XLA lists its operations only after it has compiled something.
  bool XlaHasAll() const;
  // The nodes so far, for tests: "MatMul bfloat16 [8,16]", with type and shape of the first output.
  std::vector<std::string> Describe() const;

  const uint32_t number;

 private:
  TF_Output Input(int32_t id);
  TF_Output Const(TF_Tensor* tensor);
  TF_Output Cast(TF_Output value, TF_DataType type);
  // The same value in bfloat16 or float32, converted once, however often it is used.
  TF_Output Narrow(TF_Output value);
  TF_Output Widen(TF_Output value);
  bool IsNarrow(TF_Output value) const { return TF_OperationOutputType(value) == TF_BFLOAT16; }
  // Whether the value is a weight or was computed from one.
  bool OfNetwork(TF_Output value) const { return of_network_.count({value.oper, value.index}) > 0; }
  bool ComputesInBfloat16(const Rule& rule, const Definition& definition, const std::vector<TF_Output>& sources);
  // Whether a bfloat16 product is computed in float32 from rounded operands.
  bool Emulates(const std::string& product) const;
  bool HasBfloat16Kernel(const std::string& name) const;
  void SetShape(TF_Operation* convolution);
  // Writes a result's number, type and shape to the exchange, starting at `at`.
  void Answer(TF_Output output, const std::vector<int64_t>& shape, size_t at);
  TF_Output SizedViews(TF_Operation* views);
  TF_OperationDescription* New(const char* type);
  // Adds to the hash of the graph.
  void Mix(const void* data, size_t bytes);
  void Mix(const std::string& text) { Mix(text.c_str(), text.size() + 1); }
  void Mix(TF_Output output);
  void Mix(const Attribute& attribute);
  bool IsLarge(TF_Output output, const char* name);
  TF_Output Done(TF_OperationDescription* description, const char* type);
  const std::vector<int>& Arguments(const std::string& name);
  std::vector<int64_t> Shape(TF_Output output, const char* name);

  const size_t largest_constant_;
  const Precision precision_;
  const std::string device_;
  const std::unordered_set<int32_t> weights_;
  Engine& engine_;
  TF_Graph* graph_ = TF_NewGraph();
  int nodes_ = 0;
  TF_Operation* last_large_ = nullptr;
  std::unordered_set<std::string> names_;
  std::vector<int32_t> ids_;
  std::vector<TF_Output> placeholders_;
  std::unordered_map<int32_t, TF_Output> inputs_;
  using Place = std::pair<TF_Operation*, int>;
  std::map<Place, TF_Output> narrowed_, widened_;
  std::set<Place> of_network_;
  uint64_t hash_[2] = {0xcbf29ce484222325, 0x9ae16a3b2f90404f};
};

}  // namespace selfsup
