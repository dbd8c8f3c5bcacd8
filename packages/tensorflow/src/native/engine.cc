#include "engine.h"

#include <cstring>

#include "capture.h"
#include "tensorflow/c/c_api_experimental.h"

namespace selfsup {

Engine& Call::engine() const {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  if (!data) throw Failure("call start() first");
  return *static_cast<Engine*>(data);
}

Engine::Engine(const std::string& config, const std::string& server) : config(config) {
  Status status;
  TFE_ContextOptions* options = TFE_NewContextOptions();
  if (!config.empty()) TFE_ContextOptionsSetConfig(options, config.data(), config.size(), status);
  if (status.ok()) context = TFE_NewContext(options, status);
  TFE_DeleteContextOptions(options);
  status.Check();
  // Before the devices are listed, because it adds the worker's number to their names.
  if (!server.empty()) TFE_EnableCollectiveOps(context, server.data(), server.size(), status);
  status.Check();
  TF_DeviceList* devices = TFE_ContextListDevices(context, status);
  status.Check();
  for (int i = 0; i < TF_DeviceListCount(devices) && !gpu; ++i) {
    Status each;
    gpu = std::strcmp(TF_DeviceListType(devices, i, each), "GPU") == 0;
    if (gpu || device.empty()) device = TF_DeviceListName(devices, i, each);
  }
  TF_DeleteDeviceList(devices);
  // Up to 4 steps are queued: the next is ready when one ends, and their inputs do not accumulate.
  queue = TFE_NewExecutor(true, false, 4);
  at_once = TFE_ContextGetExecutorForThread(context);
}

// Does not delete the context, because its threads may still be running. The process frees it when it exits.
Engine::~Engine() {
  Status status;
  TFE_ExecutorWaitForAllPendingNodes(queue, status);
}

// Does not reuse numbers while a step is captured, because the capture identifies tensors by number.
int32_t Engine::Insert(const Value& value) {
  if (free_.empty() || capture) {
    values_.push_back(value);
    return static_cast<int32_t>(values_.size() - 1);
  }
  const int32_t id = free_.back();
  free_.pop_back();
  values_[id] = value;
  return id;
}

Value& Engine::Get(int32_t id) {
  if (id <= 0 || static_cast<size_t>(id) >= values_.size() || !values_[id].there())
    throw Failure("tensor " + std::to_string(id) + " does not exist; it was deleted");
  return values_[id];
}

TFE_TensorHandle* Engine::Handle(int32_t id) {
  const Value& value = Get(id);
  if (!value.handle)
    throw Failure("this tensor was created inside a compiled step and has no values outside of it; return it from the step");
  return value.handle;
}

void Engine::Remove(int32_t id) {
  Value& value = Get(id);
  if (value.handle) TFE_DeleteTensorHandle(value.handle);
  value = Value();
  free_.push_back(id);
}

TFE_TensorHandle* Engine::Place(Tensor tensor) {
  Status status;
  const TF_DataType type = TF_TensorType(tensor.get());
  TFE_TensorHandle* handle = TFE_NewTensorHandle(tensor.get(), status);
  status.Check();
  // Operations on a GPU expect their int32 inputs, which are shapes and axes, in host memory.
  if (!gpu || type == TF_INT32 || type == TF_STRING) return handle;
  TFE_TensorHandle* placed = TFE_TensorHandleCopyToDevice(handle, context, device.c_str(), status);
  TFE_DeleteTensorHandle(handle);
  status.Check();
  return placed;
}

const int32_t* Engine::Numbers(int32_t count) const { return Room(static_cast<size_t>(count)); }

int32_t* Engine::Room(size_t count) const {
  if (count > exchange.length) throw Failure("too many tensors at once: " + std::to_string(count) + " numbers");
  return exchange.numbers;
}

}  // namespace selfsup
