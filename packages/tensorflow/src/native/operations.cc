// Operations that run immediately, and functions of captured steps, which are queued and run on a separate thread.

#include <algorithm>

#include "attributes.h"
#include "capture.h"
#include "engine.h"

namespace selfsup {
namespace {

struct Operation {
  TFE_Op* op;
  Operation(Engine& engine, const char* name) {
    Status status;
    op = TFE_NewOp(engine.context, name, status);
    status.Check();
    if (engine.gpu) {
      TFE_OpSetDevice(op, engine.device.c_str(), status);
      status.Check();
    }
  }
  ~Operation() { TFE_DeleteOp(op); }
  Operation(const Operation&) = delete;

  void Inputs(Engine& engine, int32_t count) {
    Status status;
    const int32_t* ids = engine.Numbers(count);
    for (int32_t i = 0; i < count; ++i) {
      TFE_OpAddInput(op, engine.Handle(ids[i]), status);
      status.Check();
    }
  }
};

// While this object exists, operations of this thread go to the queue.
struct UseQueue {
  Engine& engine;
  explicit UseQueue(Engine& engine) : engine(engine) { TFE_ContextSetExecutorForThread(engine.context, engine.queue); }
  ~UseQueue() { TFE_ContextSetExecutorForThread(engine.context, engine.at_once); }
};

}  // namespace

// define(number, name, attributes): defines the operation that `execute` runs for this number.
napi_value Define(Call& call) {
  Engine& engine = call.engine();
  const auto number = static_cast<size_t>(call.Int(size_t{0}));
  if (number >= engine.definitions.size()) engine.definitions.resize(number + 1);
  Definition definition{call.Text(call.arguments[1]), ReadAttributes(call, call.arguments[2])};
  auto& attributes = definition.attributes;
  const auto ours = std::remove_if(attributes.begin(), attributes.end(), [&](const Attribute& attribute) {
    const bool float32 = attribute.name == kFloat32Attribute, unordered = attribute.name == kUnorderedAttribute,
               shape = attribute.name == kShapeAttribute;
    definition.float32 = definition.float32 || float32;
    definition.unordered = definition.unordered || unordered;
    if (shape) definition.shape = attribute.numbers;
    return float32 || unordered || shape;
  });
  attributes.erase(ours, attributes.end());
  engine.definitions[number] = std::move(definition);
  return nullptr;
}

// execute(number, inputs, outputs): runs or captures an operation. The exchange contains the inputs' numbers; afterwards it
// contains number, type, rank and axes of each output.
napi_value Execute(Call& call) {
  Engine& engine = call.engine();
  const Definition& definition = engine.definitions.at(static_cast<size_t>(call.Int(size_t{0})));
  const int32_t inputs = call.Int(1);
  int outputs = call.Int(2);
  if (engine.capture) {
    engine.capture->Operation(definition, inputs, outputs);
    return nullptr;
  }
  Operation operation(engine, definition.name.c_str());
  operation.Inputs(engine, inputs);
  SetAttributes(definition.attributes, EagerAttributes{operation.op});
  std::vector<TFE_TensorHandle*> results(outputs, nullptr);
  Status status;
  TFE_Execute(operation.op, results.data(), &outputs, status);
  status.Check();
  size_t at = 0;
  for (int i = 0; i < outputs; ++i) {
    const int rank = TFE_TensorHandleNumDims(results[i], status);
    status.Check();
    int32_t* facts = engine.Room(at + 3 + rank) + at;
    facts[0] = engine.Add(results[i]);
    facts[1] = TFE_TensorHandleDataType(results[i]);
    facts[2] = rank;
    for (int axis = 0; axis < rank; ++axis)
      facts[3 + axis] = static_cast<int32_t>(TFE_TensorHandleDim(results[i], axis, status));
    at += 3 + rank;
  }
  return nullptr;
}

// call(function, inputs, outputs): queues a function without waiting for it. The exchange contains the inputs' numbers;
// afterwards it contains the outputs' numbers.
napi_value CallFunction(Call& call) {
  Engine& engine = call.engine();
  const std::string name = call.Text(call.arguments[0]);
  int outputs = call.Int(2);
  const UseQueue use_queue(engine);  // must be first: an operation uses the executor that is set when it is created
  Operation operation(engine, engine.Name(name));
  operation.Inputs(engine, call.Int(1));
  // Without config_proto a function runs as captured, without graph optimisation. On a CPU this is faster for functions on
  // large tensors, and keeps the captured order.
  if (engine.gpu || !engine.large.count(name))
    TFE_OpSetAttrString(operation.op, "config_proto", engine.config.data(), engine.config.size());
  std::vector<TFE_TensorHandle*> results(outputs, nullptr);
  Status status;
  TFE_Execute(operation.op, results.data(), &outputs, status);
  if (!status.ok()) {
    // An earlier step failed, which blocks the queue. Reading that step's values reports its error.
    TFE_ExecutorClearError(engine.queue);
    outputs = static_cast<int>(results.size());
    Status again;
    TFE_Execute(operation.op, results.data(), &outputs, again);
    again.Check();
  }
  int32_t* ids = engine.Room(outputs);
  for (int i = 0; i < outputs; ++i) ids[i] = engine.Add(results[i]);
  return nullptr;
}

// wait(): waits until the queue is empty. Throws the error of a step that failed.
napi_value Wait(Call& call) {
  Engine& engine = call.engine();
  Status status;
  TFE_ExecutorWaitForAllPendingNodes(engine.queue, status);
  if (!status.ok()) TFE_ExecutorClearError(engine.queue);
  status.Check();
  return nullptr;
}

}  // namespace selfsup
