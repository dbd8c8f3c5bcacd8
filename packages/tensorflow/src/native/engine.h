// TensorFlow as JavaScript sees it: numbered tensors, and operations that run immediately or are captured into a graph.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "attributes.h"
#include "status.h"
#include "tensorflow/c/eager/c_api.h"
#include "tensorflow/c/eager/c_api_experimental.h"

namespace selfsup {

class Capture;

// The value of a number: a tensor, an output in a captured graph, or nothing after it is deleted.
struct Value {
  TFE_TensorHandle* handle = nullptr;
  TF_Output output = {nullptr, 0};
  uint32_t capture = 0;
  bool there() const { return handle || output.oper; }
};

// The buffer that passes numbers of inputs, and numbers, types and shapes of outputs, between JavaScript and the addon.
struct Exchange {
  int32_t* numbers = nullptr;
  size_t length = 0;
  napi_ref reference = nullptr;
};

class Engine {
 public:
  // config: a serialized ConfigProto, or empty; server: a serialized ServerDef that names all workers, or empty
  Engine(const std::string& config, const std::string& server);
  ~Engine();
  Engine(const Engine&) = delete;

  int32_t Add(TFE_TensorHandle* handle) { return Insert({handle, {nullptr, 0}, 0}); }
  int32_t Add(TF_Output output, uint32_t capture) { return Insert({nullptr, output, capture}); }
  Value& Get(int32_t id);
  // The tensor; throws for an output in a captured graph.
  TFE_TensorHandle* Handle(int32_t id);
  void Remove(int32_t id);
  size_t Count() const { return values_.size() - 1 - free_.size(); }

  // Moves a tensor to the device where operations expect it.
  TFE_TensorHandle* Place(Tensor tensor);

  // The numbers of inputs that JavaScript wrote; throws if the exchange is too small for `count` numbers.
  const int32_t* Numbers(int32_t count) const;
  int32_t* Room(size_t count) const;

  // A copy of a name that lives as long as the engine, because TensorFlow keeps the pointer.
  const char* Name(const std::string& name) { return names_.insert(name).first->c_str(); }

  TFE_Context* context = nullptr;
  TFE_Executor* queue = nullptr;  // runs captured steps in order on a separate thread
  TFE_Executor* at_once = nullptr;  // runs operations on the calling thread
  const std::string config;  // a serialized ConfigProto
  std::string device;
  bool gpu = false;
  Exchange exchange;
  std::vector<Definition> definitions;
  std::unique_ptr<Capture> capture;
  uint32_t captures = 0;
  // Functions that work on large tensors.
  std::unordered_set<std::string> large;
  // Functions of captured steps that exist, and the name of the newest.
  std::unordered_set<std::string> functions;
  std::string captured;

 private:
  int32_t Insert(const Value& value);
  std::vector<Value> values_{Value()};  // 0 is not a valid number
  std::vector<int32_t> free_;
  std::unordered_set<std::string> names_;
};

napi_value CreateTensor(Call& call);
napi_value DeleteTensor(Call& call);
napi_value ReadSync(Call& call);
napi_value Read(Call& call);
napi_value Define(Call& call);
napi_value Execute(Call& call);
napi_value BeginCapture(Call& call);
napi_value DescribeCapture(Call& call);
napi_value EndCapture(Call& call);
napi_value CapturedName(Call& call);
napi_value AbortCapture(Call& call);
napi_value CallFunction(Call& call);
napi_value CompileFunction(Call& call);
napi_value RemoveFunction(Call& call);
napi_value Wait(Call& call);
napi_value CheckWorker(Call& call);
napi_value WatchWorkers(Call& call);
napi_value WorkerFailure(Call& call);
napi_value AbortCollectives(Call& call);
napi_value ListenOnly(Call& call);

}  // namespace selfsup
