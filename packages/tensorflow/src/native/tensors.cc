// Converts JavaScript arrays to tensors, and tensors to arrays.

#include <cstring>

#include "capture.h"
#include "engine.h"
#include "tensorflow/c/tf_tstring.h"

namespace selfsup {
namespace {

void FreeStrings(void* data, size_t bytes, void*) {
  auto* strings = static_cast<TF_TString*>(data);
  for (size_t i = 0; i < bytes / sizeof(TF_TString); ++i) TF_TString_Dealloc(strings + i);
  std::free(data);
}

Tensor Strings(const Call& call, const std::vector<int64_t>& shape, napi_value array) {
  const uint32_t count = call.Length(array);
  const size_t bytes = count * sizeof(TF_TString);
  auto* strings = static_cast<TF_TString*>(std::calloc(count + 1, sizeof(TF_TString)));
  Tensor tensor(TF_NewTensor(TF_STRING, shape.data(), static_cast<int>(shape.size()), strings, bytes, FreeStrings,
                             nullptr));
  for (uint32_t i = 0; i < count; ++i) {
    napi_typedarray_type type;
    size_t length;
    void* data;
    Check(napi_get_typedarray_info(call.env, call.At(array, i), &type, &length, &data, nullptr, nullptr),
          "strings must be Uint8Arrays");
    TF_TString_Init(strings + i);
    TF_TString_Copy(strings + i, static_cast<const char*>(data), length);
  }
  return tensor;
}

Tensor Numbers(const Call& call, const std::vector<int64_t>& shape, TF_DataType type, napi_value array) {
  napi_typedarray_type kind;
  size_t length;
  void* data;
  Check(napi_get_typedarray_info(call.env, array, &kind, &length, &data, nullptr, nullptr), "expected a typed array");
  const size_t width = kind == napi_float32_array || kind == napi_int32_array                      ? 4
                       : kind == napi_uint8_array || kind == napi_uint8_clamped_array              ? 1
                       : kind == napi_bigint64_array                                               ? 8
                                                                                                   : 0;
  size_t count = 1;
  for (int64_t side : shape) count *= static_cast<size_t>(side);
  const size_t bytes = count * TF_DataTypeSize(type);
  const bool pixels = type == TF_INT32 && width == 1;
  if (width == 0 || (pixels ? length != count : length * width != bytes))
    throw Failure("a tensor of " + std::to_string(count) + " values does not match its array of length " +
                  std::to_string(length));
  Tensor tensor(TF_AllocateTensor(type, shape.data(), static_cast<int>(shape.size()), bytes));
  if (!pixels) {
    if (bytes > 0) std::memcpy(TF_TensorData(tensor.get()), data, bytes);
    return tensor;
  }
  // Pixels are passed as bytes and widened here instead of in JavaScript.
  const auto* from = static_cast<const uint8_t*>(data);
  auto* to = static_cast<int32_t*>(TF_TensorData(tensor.get()));
  for (size_t i = 0; i < count; ++i) to[i] = from[i];
  return tensor;
}

napi_value ToJavaScript(napi_env env, const TF_Tensor* tensor) {
  const TF_DataType type = TF_TensorType(tensor);
  const size_t count = static_cast<size_t>(TF_TensorElementCount(tensor));
  napi_value buffer, array;
  void* data;
  if (type == TF_STRING) {
    const auto* strings = static_cast<const TF_TString*>(TF_TensorData(tensor));
    Check(napi_create_array_with_length(env, count, &array), "strings");
    for (size_t i = 0; i < count; ++i) {
      const size_t length = TF_TString_GetSize(strings + i);
      napi_value bytes;
      Check(napi_create_arraybuffer(env, length, &data, &buffer), "memory for a string");
      if (length > 0) std::memcpy(data, TF_TString_GetDataPointer(strings + i), length);
      Check(napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &bytes), "a string");
      napi_set_element(env, array, static_cast<uint32_t>(i), bytes);
    }
    return array;
  }
  napi_typedarray_type kind;
  size_t length = count;
  switch (type) {
    case TF_FLOAT: kind = napi_float32_array; break;
    case TF_COMPLEX64: kind = napi_float32_array; length = 2 * count; break;
    case TF_INT32: kind = napi_int32_array; break;
    case TF_INT64: kind = napi_bigint64_array; break;
    case TF_BOOL: case TF_UINT8: kind = napi_uint8_array; break;
    default: throw Failure("values of TensorFlow's type " + std::to_string(type) + " cannot be read");
  }
  const size_t bytes = TF_TensorByteSize(tensor);
  Check(napi_create_arraybuffer(env, bytes, &data, &buffer), "memory for a tensor's values");
  if (bytes > 0) std::memcpy(data, TF_TensorData(tensor), bytes);
  Check(napi_create_typedarray(env, kind, length, buffer, 0, &array), "an array");
  return array;
}

// A read that waits for the device on one of Node's worker threads.
struct PendingRead {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  TFE_TensorHandle* handle = nullptr;
  TFE_Executor* queue = nullptr;
  Tensor tensor;
  std::string error;
};

// A step that fails also fails the steps queued after it. A read of its values waits until these have failed, because
// otherwise a step called right afterwards would fail too.
void ClearError(TFE_Executor* queue) {
  Status failed;
  TFE_ExecutorWaitForAllPendingNodes(queue, failed);
  if (!failed.ok()) TFE_ExecutorClearError(queue);
}

void Resolve(napi_env, void* data) {
  auto& reading = *static_cast<PendingRead*>(data);
  Status status;
  reading.tensor.reset(TFE_TensorHandleResolve(reading.handle, status));
  if (status.ok()) return;
  reading.error = TF_Message(status);
  ClearError(reading.queue);
}

void Complete(napi_env env, napi_status, void* data) {
  std::unique_ptr<PendingRead> reading(static_cast<PendingRead*>(data));
  TFE_DeleteTensorHandle(reading->handle);
  napi_value value, message;
  if (reading->error.empty()) {
    try {
      value = ToJavaScript(env, reading->tensor.get());
      napi_resolve_deferred(env, reading->deferred, value);
    } catch (const std::exception& error) {
      reading->error = error.what();
    }
  }
  if (!reading->error.empty()) {
    napi_create_string_utf8(env, reading->error.c_str(), reading->error.size(), &message);
    napi_create_error(env, nullptr, message, &value);
    napi_reject_deferred(env, reading->deferred, value);
  }
  napi_delete_async_work(env, reading->work);
}

}  // namespace

// createTensor(shape, type, values, now): creates a tensor and returns its number. While a step is captured, the tensor is
// a constant of the step unless `now` is true.
napi_value CreateTensor(Call& call) {
  Engine& engine = call.engine();
  std::vector<int64_t> shape(call.Length(call.arguments[0]));
  for (uint32_t i = 0; i < shape.size(); ++i) shape[i] = call.Int(call.At(call.arguments[0], i));
  const auto type = static_cast<TF_DataType>(call.Int(1));
  Tensor tensor = type == TF_STRING ? Strings(call, shape, call.arguments[2])
                                    : Numbers(call, shape, type, call.arguments[2]);
  const bool now = call.count > 3 && call.Bool(call.arguments[3]);
  if (engine.capture && !now) return call.Number(engine.capture->Constant(tensor.get()));
  return call.Number(engine.Add(engine.Place(std::move(tensor))));
}

napi_value DeleteTensor(Call& call) {
  call.engine().Remove(call.Int(size_t{0}));
  return nullptr;
}

// readSync(number): waits for the tensor's values and returns them.
napi_value ReadSync(Call& call) {
  Status status;
  Engine& engine = call.engine();
  Tensor tensor(TFE_TensorHandleResolve(engine.Handle(call.Int(size_t{0})), status));
  if (!status.ok()) ClearError(engine.queue);
  status.Check();
  return ToJavaScript(call.env, tensor.get());
}

// read(number): returns a promise of the tensor's values.
napi_value Read(Call& call) {
  Status status;
  auto reading = std::make_unique<PendingRead>();
  reading->queue = call.engine().queue;
  reading->handle = TFE_TensorHandleCopySharingTensor(call.engine().Handle(call.Int(size_t{0})), status);
  status.Check();
  napi_value promise, name;
  Check(napi_create_promise(call.env, &reading->deferred, &promise), "a promise");
  napi_create_string_utf8(call.env, "selfsup:read", NAPI_AUTO_LENGTH, &name);
  Check(napi_create_async_work(call.env, nullptr, name, Resolve, Complete, reading.get(), &reading->work), "work");
  napi_queue_async_work(call.env, reading.release()->work);
  return promise;
}

}  // namespace selfsup
