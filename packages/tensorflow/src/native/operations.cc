// Operations that run immediately, and functions of captured steps, which are queued and run on a separate thread.

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>

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

namespace {

// A function that runs once, on one of Node's worker threads or immediately, so that XLA compiles it. Its results are discarded.
struct Compilation {
  Engine& engine;
  const char* name;
  int outputs;
  bool with_config;
  std::vector<TFE_TensorHandle*> inputs;
  std::string error;
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;

  explicit Compilation(Engine& engine) : engine(engine) {}
  ~Compilation() {
    for (TFE_TensorHandle* input : inputs) TFE_DeleteTensorHandle(input);
  }

  void Run() {
    TFE_Executor* before = TFE_ContextGetExecutorForThread(engine.context);
    TFE_Executor* own = TFE_NewExecutor(false, false, 0);
    TFE_ContextSetExecutorForThread(engine.context, own);
    try {
      Execute();
    } catch (const std::exception& problem) {
      error = problem.what();
    }
    TFE_ContextSetExecutorForThread(engine.context, before);
    TFE_DeleteExecutor(own);
    TFE_DeleteExecutor(before);
  }

 private:
  void Execute() {
    Operation operation(engine, name);
    Status status;
    for (TFE_TensorHandle* input : inputs) {
      TFE_OpAddInput(operation.op, input, status);
      status.Check();
    }
    if (with_config)
      TFE_OpSetAttrString(operation.op, "config_proto", engine.config.data(), engine.config.size());
    std::vector<TFE_TensorHandle*> results(outputs, nullptr);
    TFE_Execute(operation.op, results.data(), &outputs, status);
    status.Check();
    for (int i = 0; i < outputs; ++i) TFE_DeleteTensorHandle(results[i]);
  }
};

std::atomic<int> compiling{0};

// TensorFlow's objects are destroyed when the process exits, which crashes a thread that is compiling. So the process ends at
// once if one is.
void EndAtExit() {
#ifdef __GLIBC__
  static std::once_flag once;
  std::call_once(once, [] {
    on_exit(
        [](int status, void*) {
          if (compiling == 0) return;
          std::fflush(nullptr);
          _exit(status);
        },
        nullptr);
  });
#endif
}

}  // namespace

// compileFunction(function, inputs, outputs, wait): runs a function once and discards its results. The exchange contains the
// inputs' numbers. With `wait`, throws its error; otherwise runs it on another thread and returns a promise.
napi_value CompileFunction(Call& call) {
  Engine& engine = call.engine();
  auto compilation = std::make_unique<Compilation>(engine);
  const std::string name = call.Text(call.arguments[0]);
  compilation->name = engine.Name(name);
  compilation->outputs = call.Int(2);
  compilation->with_config = engine.gpu || !engine.large.count(name);
  const int32_t count = call.Int(1);
  const int32_t* ids = engine.Numbers(count);
  Status status;
  for (int32_t i = 0; i < count; ++i) {
    compilation->inputs.push_back(TFE_TensorHandleCopySharingTensor(engine.Handle(ids[i]), status));
    status.Check();
  }
  if (call.Bool(call.arguments[3])) {
    compilation->Run();
    if (!compilation->error.empty()) throw Failure(compilation->error);
    return nullptr;
  }
  EndAtExit();
  napi_value promise, label;
  Check(napi_create_promise(call.env, &compilation->deferred, &promise), "a promise");
  napi_create_string_utf8(call.env, "selfsup:compile", NAPI_AUTO_LENGTH, &label);
  const auto run = [](napi_env, void* data) {
    static_cast<Compilation*>(data)->Run();
    --compiling;
  };
  const auto complete = [](napi_env env, napi_status, void* data) {
    const std::unique_ptr<Compilation> done(static_cast<Compilation*>(data));
    napi_value value, message;
    if (done->error.empty()) {
      napi_get_undefined(env, &value);
      napi_resolve_deferred(env, done->deferred, value);
    } else {
      napi_create_string_utf8(env, done->error.c_str(), done->error.size(), &message);
      napi_create_error(env, nullptr, message, &value);
      napi_reject_deferred(env, done->deferred, value);
    }
    napi_delete_async_work(env, done->work);
  };
  Check(napi_create_async_work(call.env, nullptr, label, run, complete, compilation.get(), &compilation->work), "work");
  ++compiling;
  napi_queue_async_work(call.env, compilation.release()->work);
  return promise;
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
