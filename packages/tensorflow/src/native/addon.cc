// The addon selfsup.node: a TensorFlow backend for TensorFlow.js, with additional operations for training on images.

#include <cstdlib>
#include <mutex>

#include "capture.h"
#include "engine.h"
#include "selfsup.h"
#include "tensorflow/c/c_api.h"

namespace selfsup {
namespace {

std::string Bytes(Call& call, size_t argument, const char* name) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  Check(napi_get_typedarray_info(call.env, call.arguments[argument], &type, &length, &data, nullptr, nullptr), name);
  return std::string(static_cast<const char*>(data), length);
}

// start(exchange, config, server): takes the Int32Array through which numbers pass, a serialized ConfigProto, and the
// serialized ServerDef of a process that is one of several workers, or an empty array. Returns TensorFlow's version, whether
// it computes on a GPU, how well this processor suits our operations, and the exchange, which is the array passed in the
// first call.
napi_value Start(Call& call) {
  void* started = nullptr;
  napi_get_instance_data(call.env, &started);
  if (!started) {
    napi_typedarray_type type;
    size_t length;
    void* data;
    auto engine = std::make_unique<Engine>(Bytes(call, 1, "config"), Bytes(call, 2, "server"));
    Check(napi_get_typedarray_info(call.env, call.arguments[0], &type, &length, &data, nullptr, nullptr), "exchange");
    if (type != napi_int32_array) throw Failure("the exchange must be an Int32Array");
    engine->exchange.numbers = static_cast<int32_t*>(data);
    engine->exchange.length = length;
    Check(napi_create_reference(call.env, call.arguments[0], 1, &engine->exchange.reference), "exchange");
    started = engine.get();
    const auto end = [](napi_env, void* data, void*) { delete static_cast<Engine*>(data); };
    Check(napi_set_instance_data(call.env, engine.release(), end, nullptr), "engine");
  }
  napi_value facts, version, gpu, convolutions, bfloat16, exchange;
  napi_create_object(call.env, &facts);
  napi_get_reference_value(call.env, static_cast<Engine*>(started)->exchange.reference, &exchange);
  napi_set_named_property(call.env, facts, "exchange", exchange);
  napi_create_string_utf8(call.env, TF_Version(), NAPI_AUTO_LENGTH, &version);
  napi_get_boolean(call.env, static_cast<Engine*>(started)->gpu, &gpu);
  napi_set_named_property(call.env, facts, "version", version);
  napi_set_named_property(call.env, facts, "gpu", gpu);
  napi_create_int32(call.env, OwnConvolutions(), &convolutions);
  napi_set_named_property(call.env, facts, "convolutions", convolutions);
  napi_create_int32(call.env, OwnBfloat16(), &bfloat16);
  napi_set_named_property(call.env, facts, "bfloat16", bfloat16);
  return facts;
}

napi_value CountTensors(Call& call) { return call.Number(static_cast<int32_t>(call.engine().Count())); }

}  // namespace
}  // namespace selfsup

NAPI_MODULE_INIT() {
  using namespace selfsup;
  static std::once_flag registered;
  std::call_once(registered, [] {
    RegisterViews();
    RegisterConvolutions();
    RegisterNormalisation();
  });
  const std::pair<const char*, napi_callback> functions[] = {
      {"start", Entry<Start>},
      {"createTensor", Entry<CreateTensor>},
      {"deleteTensor", Entry<DeleteTensor>},
      {"readSync", Entry<ReadSync>},
      {"read", Entry<Read>},
      {"define", Entry<Define>},
      {"execute", Entry<Execute>},
      {"beginCapture", Entry<BeginCapture>},
      {"describeCapture", Entry<DescribeCapture>},
      {"endCapture", Entry<EndCapture>},
      {"capturedName", Entry<CapturedName>},
      {"abortCapture", Entry<AbortCapture>},
      {"call", Entry<CallFunction>},
      {"compileFunction", Entry<CompileFunction>},
      {"removeFunction", Entry<RemoveFunction>},
      {"wait", Entry<Wait>},
      {"checkWorker", Entry<CheckWorker>},
      {"watchWorkers", Entry<WatchWorkers>},
      {"workerFailure", Entry<WorkerFailure>},
      {"abortCollectives", Entry<AbortCollectives>},
      {"listenOnly", Entry<ListenOnly>},
      {"countTensors", Entry<CountTensors>},
      {"cropJpeg", CropJpeg},
  };
  for (const auto& [name, callback] : functions) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
    napi_set_named_property(env, exports, name, function);
  }
  return exports;
}
