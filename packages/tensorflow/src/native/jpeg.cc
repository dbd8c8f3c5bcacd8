// Square crops of a JPEG, decoded by TensorFlow's libjpeg-turbo on Node's worker threads. Only the lines that the crops
// need are decoded.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "resample.h"
#include "selfsup.h"
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"
#include "tensorflow/c/tf_tstring.h"

namespace selfsup {
namespace {

struct Box {
  int32_t left, top, width, height;
};

struct Crop {
  Box box;
  int32_t size;
  uint8_t* target;  // [size, size, channels]
};

struct Work {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  std::vector<napi_ref> kept;  // the file and the targets, until they have been read and written
  const uint8_t* file = nullptr;
  size_t bytes = 0;
  int32_t channels = 3;
  std::vector<Crop> crops;
  std::string error;
};

template <int Channels>
SELFSUP_INLINE void WriteCrop(const uint8_t* pixels, int64_t width, const Box& box, const Crop& crop, Resampler& r) {
  const int32_t size = crop.size;
  uint8_t* target = crop.target;
  r.rows.Triangle(static_cast<float>(box.top), static_cast<float>(box.height), size, false, 1.0f);
  r.columns.Triangle(static_cast<float>(box.left), static_cast<float>(box.width), size, false, 1.0f);
  Resample<uint8_t, Channels>(pixels, width, r, size, [&](int32_t row, const float* __restrict line) {
    uint8_t* __restrict to = target + static_cast<int64_t>(row) * size * Channels;
    for (int32_t i = 0; i < size * Channels; ++i) to[i] = static_cast<uint8_t>(static_cast<int32_t>(line[i] + 0.5f));
  });
}

SELFSUP_SIMD void WriteColourCrop(const uint8_t* pixels, int64_t width, const Box& box, const Crop& crop,
                                  Resampler& r) {
  WriteCrop<3>(pixels, width, box, crop, r);
}

SELFSUP_SIMD void WriteGreyCrop(const uint8_t* pixels, int64_t width, const Box& box, const Crop& crop, Resampler& r) {
  WriteCrop<1>(pixels, width, box, crop, r);
}

// A separate context for the CPU only, in which the operation runs on the calling thread.
TFE_Context* Context(TF_Status* status) {
  static std::mutex mutex;
  static TFE_Context* context = nullptr;
  std::lock_guard<std::mutex> guard(mutex);
  if (context) return context;
  TFE_ContextOptions* options = TFE_NewContextOptions();
  // ConfigProto { device_count { key: "GPU" value: 0 } intra_op: 1, inter_op: 1 }
  static const char config[] = "\x0a\x07\x0a\x03GPU\x10\x00\x10\x01\x28\x01";
  TFE_ContextOptionsSetConfig(options, config, sizeof(config) - 1, status);
  if (TF_GetCode(status) == TF_OK) context = TFE_NewContext(options, status);
  TFE_DeleteContextOptions(options);
  return context;
}

void DeallocateString(void* data, size_t, void*) {
  TF_TString_Dealloc(static_cast<TF_TString*>(data));
  delete static_cast<TF_TString*>(data);
}

struct Handles {
  std::vector<TFE_TensorHandle*> handles;
  ~Handles() {
    for (auto* handle : handles) TFE_DeleteTensorHandle(handle);
  }
  TFE_TensorHandle* Add(TF_Tensor* tensor, TF_Status* status) {
    TFE_TensorHandle* handle = TFE_NewTensorHandle(tensor, status);
    TF_DeleteTensor(tensor);
    if (handle) handles.push_back(handle);
    return handle;
  }
};

// The image's pixels within the window, [window.height, window.width, channels].
TF_Tensor* Decode(const Work& work, const Box& window, TF_Status* status) {
  TFE_Context* context = Context(status);
  if (!context) return nullptr;
  Handles inputs;
  auto* text = new TF_TString;
  TF_TString_Init(text);
  TF_TString_AssignView(text, reinterpret_cast<const char*>(work.file), work.bytes);
  auto* contents = inputs.Add(
      TF_NewTensor(TF_STRING, nullptr, 0, text, sizeof(TF_TString), DeallocateString, nullptr), status);
  if (!contents) return nullptr;
  const int64_t four[1] = {4};
  TF_Tensor* sides = TF_AllocateTensor(TF_INT32, four, 1, 4 * sizeof(int32_t));
  const int32_t values[4] = {window.top, window.left, window.height, window.width};
  std::memcpy(TF_TensorData(sides), values, sizeof(values));
  auto* crop_window = inputs.Add(sides, status);
  if (!crop_window) return nullptr;
  TFE_Op* op = TFE_NewOp(context, "DecodeAndCropJpeg", status);
  if (!op) return nullptr;
  TFE_OpSetAttrInt(op, "channels", work.channels);
  TFE_OpSetAttrInt(op, "ratio", 1);
  TFE_OpSetAttrBool(op, "fancy_upscaling", 1);
  TFE_OpSetAttrBool(op, "try_recover_truncated", 0);
  TFE_OpSetAttrFloat(op, "acceptable_fraction", 1);
  static const char accurate[] = "INTEGER_ACCURATE";  // as in PIL, sharp and browsers
  TFE_OpSetAttrString(op, "dct_method", accurate, sizeof(accurate) - 1);
  TFE_OpAddInput(op, contents, status);
  if (TF_GetCode(status) == TF_OK) TFE_OpAddInput(op, crop_window, status);
  TFE_TensorHandle* result = nullptr;
  int results = 1;
  if (TF_GetCode(status) == TF_OK) TFE_Execute(op, &result, &results, status);
  TFE_DeleteOp(op);
  if (TF_GetCode(status) != TF_OK) return nullptr;
  inputs.handles.push_back(result);
  return TFE_TensorHandleResolve(result, status);
}

void Execute(napi_env, void* data) {
  Work& work = *static_cast<Work*>(data);
  int32_t left = INT32_MAX, top = INT32_MAX, right = 0, bottom = 0;
  for (const Crop& crop : work.crops) {
    left = std::min(left, crop.box.left);
    top = std::min(top, crop.box.top);
    right = std::max(right, crop.box.left + crop.box.width);
    bottom = std::max(bottom, crop.box.top + crop.box.height);
  }
  const Box window = {left, top, right - left, bottom - top};
  TF_Status* status = TF_NewStatus();
  TF_Tensor* decoded = Decode(work, window, status);
  if (decoded) {
    static thread_local Resampler resampler;
    const uint8_t* pixels = static_cast<const uint8_t*>(TF_TensorData(decoded));
    const auto write = work.channels == 3 ? WriteColourCrop : WriteGreyCrop;
    for (const Crop& crop : work.crops) {
      const Box box = {crop.box.left - left, crop.box.top - top, crop.box.width, crop.box.height};
      write(pixels, window.width, box, crop, resampler);
    }
    TF_DeleteTensor(decoded);
  } else {
    work.error = TF_Message(status);
    if (work.error.empty()) work.error = "the JPEG could not be decoded";
  }
  TF_DeleteStatus(status);
}

void Complete(napi_env env, napi_status, void* data) {
  std::unique_ptr<Work> work(static_cast<Work*>(data));
  for (napi_ref reference : work->kept) napi_delete_reference(env, reference);
  napi_value value;
  if (work->error.empty()) {
    napi_get_undefined(env, &value);
    napi_resolve_deferred(env, work->deferred, value);
  } else {
    napi_value message;
    napi_create_string_utf8(env, work->error.c_str(), work->error.size(), &message);
    napi_create_error(env, nullptr, message, &value);
    napi_reject_deferred(env, work->deferred, value);
  }
  napi_delete_async_work(env, work->work);
}

bool Bytes(napi_env env, napi_value value, uint8_t** data, size_t* length) {
  napi_typedarray_type type;
  bool is_array = false;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array) return false;
  return napi_get_typedarray_info(env, value, &type, length, reinterpret_cast<void**>(data), nullptr, nullptr) ==
             napi_ok &&
         type == napi_uint8_array;
}

napi_value Throw(napi_env env, const char* message) {
  napi_throw_type_error(env, nullptr, message);
  return nullptr;
}

}  // namespace

/**
 * cropJpeg(file: Uint8Array, crops: Int32Array, targets: Uint8Array[], channels: 1 | 3): Promise<void>
 * crops contains left, top, width, height and size of each crop; each target has size * size * channels bytes.
 */
napi_value CropJpeg(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  size_t count = 4;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  if (count < 4) return Throw(env, "cropJpeg expects a file, crops, targets and the number of channels");
  auto work = std::make_unique<Work>();
  uint8_t* file;
  if (!Bytes(env, arguments[0], &file, &work->bytes)) return Throw(env, "cropJpeg: the file must be a Uint8Array");
  work->file = file;
  napi_typedarray_type type;
  size_t numbers = 0;
  int32_t* crops = nullptr;
  bool is_array = false;
  if (napi_is_typedarray(env, arguments[1], &is_array) != napi_ok || !is_array ||
      napi_get_typedarray_info(env, arguments[1], &type, &numbers, reinterpret_cast<void**>(&crops), nullptr,
                               nullptr) != napi_ok ||
      type != napi_int32_array)
    return Throw(env, "cropJpeg: the crops must be an Int32Array");
  uint32_t targets = 0;
  if (napi_get_array_length(env, arguments[2], &targets) != napi_ok || targets == 0 || numbers != 5 * targets)
    return Throw(env, "cropJpeg: crops must have five numbers per target");
  if (napi_get_value_int32(env, arguments[3], &work->channels) != napi_ok ||
      (work->channels != 1 && work->channels != 3))
    return Throw(env, "cropJpeg: the number of channels must be 1 or 3");
  std::vector<napi_value> held = {arguments[0]};
  for (uint32_t i = 0; i < targets; ++i) {
    napi_value target;
    napi_get_element(env, arguments[2], i, &target);
    const int32_t* c = crops + 5 * i;
    Crop crop = {{c[0], c[1], c[2], c[3]}, c[4], nullptr};
    size_t length = 0;
    if (crop.box.left < 0 || crop.box.top < 0 || crop.box.width < 1 || crop.box.height < 1 || crop.size < 1 ||
        !Bytes(env, target, &crop.target, &length) ||
        length != static_cast<size_t>(crop.size) * crop.size * work->channels)
      return Throw(env, "cropJpeg: a crop is invalid or its target has the wrong length");
    work->crops.push_back(crop);
    held.push_back(target);
  }
  for (napi_value value : held) {
    napi_ref reference;
    napi_create_reference(env, value, 1, &reference);
    work->kept.push_back(reference);
  }
  napi_value promise, name;
  napi_create_promise(env, &work->deferred, &promise);
  napi_create_string_utf8(env, "selfsup:cropJpeg", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, nullptr, name, Execute, Complete, work.get(), &work->work);
  napi_queue_async_work(env, work.release()->work);
  return promise;
}

}  // namespace selfsup
