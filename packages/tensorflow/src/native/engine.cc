#include "engine.h"

#include <dlfcn.h>

#include <cstring>

#include "capture.h"

namespace selfsup {

namespace {

// What NVIDIA's driver, which TensorFlow has opened, says of the first of its cards.
int32_t ComputeCapability() {
  using Get = int (*)(int* device, int ordinal);
  using Attribute = int (*)(int* value, int attribute, int device);
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  if (!driver) return 0;
  const auto get = reinterpret_cast<Get>(dlsym(driver, "cuDeviceGet"));
  const auto attribute = reinterpret_cast<Attribute>(dlsym(driver, "cuDeviceGetAttribute"));
  int device = 0, major = 0, minor = 0;
  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
  const bool known = get && attribute && get(&device, 0) == 0 && attribute(&major, 75, device) == 0 &&
                     attribute(&minor, 76, device) == 0;
  dlclose(driver);
  return known ? 10 * major + minor : 0;
}

}  // namespace

Engine& Call::engine() const {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  if (!data) throw Failure("start() has to come first");
  return *static_cast<Engine*>(data);
}

Engine::Engine(const std::string& config) : config(config) {
  Status status;
  TFE_ContextOptions* options = TFE_NewContextOptions();
  if (!config.empty()) TFE_ContextOptionsSetConfig(options, config.data(), config.size(), status);
  if (status.ok()) context = TFE_NewContext(options, status);
  TFE_DeleteContextOptions(options);
  status.Check();
  TF_DeviceList* devices = TFE_ContextListDevices(context, status);
  status.Check();
  for (int i = 0; i < TF_DeviceListCount(devices) && !gpu; ++i) {
    Status each;
    gpu = std::strcmp(TF_DeviceListType(devices, i, each), "GPU") == 0;
    if (gpu || device.empty()) device = TF_DeviceListName(devices, i, each);
  }
  TF_DeleteDeviceList(devices);
  if (gpu) capability = ComputeCapability();
  // A few steps may wait in line: the next is there when one ends, and their inputs do not pile up.
  queue = TFE_NewExecutor(true, false, 4);
  at_once = TFE_ContextGetExecutorForThread(context);
}

// What is left of the context is the process' to clean up: its threads may still be at work.
Engine::~Engine() {
  Status status;
  TFE_ExecutorWaitForAllPendingNodes(queue, status);
}

// While a step is captured, which knows tensors by their numbers, none is used again.
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
    throw Failure("tensor " + std::to_string(id) + " is no longer there");
  return values_[id];
}

TFE_TensorHandle* Engine::Handle(int32_t id) {
  const Value& value = Get(id);
  if (!value.handle)
    throw Failure("this tensor was made inside a compiled step and has no values outside of it; return it from the step");
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
  // Operations on a GPU want their int32 inputs, which are shapes and axes, in the host's memory.
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
