// The addon selfsup.node: what TensorFlow lacks for learning from pictures.

#include <mutex>

#include "selfsup.h"

NAPI_MODULE_INIT() {
  static std::once_flag registered;
  std::call_once(registered, selfsup::RegisterViews);
  napi_value function;
  napi_create_function(env, "cropJpeg", NAPI_AUTO_LENGTH, selfsup::CropJpeg, nullptr, &function);
  napi_set_named_property(env, exports, "cropJpeg", function);
  return exports;
}
