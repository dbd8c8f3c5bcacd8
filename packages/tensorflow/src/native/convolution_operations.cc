// The operations SelfsupConvolution, SelfsupConvolutionInput and SelfsupConvolutionFilter: a convolution and its gradients.
// SelfsupConvolutionFilterBfloat16: the filter gradient from operands rounded to bfloat16. SelfsupConvolutionBfloat16 and
// SelfsupConvolutionInputBfloat16: the others on bfloat16, with AMX. On float32, which products of no network are, they are
// SelfsupConvolution and SelfsupConvolutionInput.

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "convolution.h"
#include "kernel_api.h"
#include "selfsup.h"
#include "status.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

namespace selfsup {

#ifdef SELFSUP_CONVOLUTIONS

namespace {

enum class Result { kOutput, kInput, kFilter, kFilterBfloat16 };

constexpr bool OfFilter(Result result) { return result == Result::kFilter || result == Result::kFilterBfloat16; }
// The type of the result: gradients of filters are float32.
template <Result kResult, typename T>
using Made = std::conditional_t<OfFilter(kResult), float, T>;

struct Settings {
  int32_t stride = 1, top = 0, left = 0;
  int32_t shape[4] = {0, 0, 0, 0};  // of the result
};

void* Create(TF_OpKernelConstruction* construction) {
  auto settings = std::make_unique<Settings>();
  Status status;
  TF_OpKernelConstruction_GetAttrInt32(construction, "stride", &settings->stride, status);
  if (status.ok()) TF_OpKernelConstruction_GetAttrInt32(construction, "top", &settings->top, status);
  if (status.ok()) TF_OpKernelConstruction_GetAttrInt32(construction, "left", &settings->left, status);
  if (status.ok()) TF_OpKernelConstruction_GetAttrInt32List(construction, "shape", settings->shape, 4, status);
  if (status.ok()) return settings.release();
  TF_OpKernelConstruction_Failure(construction, status);
  return nullptr;
}

void Fail(TF_OpKernelContext* context, const char* message) {
  Status status;
  TF_SetStatus(status, TF_INVALID_ARGUMENT, message);
  TF_OpKernelContext_Failure(context, status);
}

// The convolution's geometry, from the inputs (x, w), (dy, w) or (x, dy) and the result's shape.
template <Result kResult>
Convolution Describe(const Settings& s, const TF_Tensor* first, const TF_Tensor* second) {
  const auto side = [&](const TF_Tensor* tensor, int axis) { return TF_Dim(tensor, axis); };
  Convolution c{};
  c.stride = s.stride;
  c.top = s.top;
  c.left = s.left;
  c.batch = side(first, 0);
  if constexpr (kResult == Result::kInput) {
    c.height = s.shape[1], c.width = s.shape[2], c.channels = s.shape[3];
    c.out_height = side(first, 1), c.out_width = side(first, 2), c.filters = side(first, 3);
  } else {
    c.height = side(first, 1), c.width = side(first, 2), c.channels = side(first, 3);
  }
  if constexpr (OfFilter(kResult)) {
    c.kernel_height = s.shape[0], c.kernel_width = s.shape[1];
    c.out_height = side(second, 1), c.out_width = side(second, 2), c.filters = side(second, 3);
  } else {
    c.kernel_height = side(second, 0), c.kernel_width = side(second, 1);
  }
  if constexpr (kResult == Result::kOutput) c.out_height = s.shape[1], c.out_width = s.shape[2], c.filters = s.shape[3];
  return c;
}

template <typename T>
void FilterFromBfloat16(TF_OpKernelContext* context, const Convolution& c, const T* x, const T* dy, float* dw) {
#ifdef SELFSUP_MATRICES
  if (HasMatrices() && c.channels % 16 == 0 && c.filters % 16 == 0) return ConvolveMatrixFilter(c, x, dy, dw);
#endif
#ifdef SELFSUP_BFLOAT16
  if (c.channels % 16 == 0) return ConvolveDirectFilterBfloat16(c, x, dy, dw);
  Fail(context, "SelfsupConvolutionFilterBfloat16 needs a multiple of 16 channels");
#else
  Fail(context, "SelfsupConvolutionFilterBfloat16: the addon was built with a compiler without AVX512-BF16");
#endif
}

template <Result kResult>
void OnBfloat16(TF_OpKernelContext* context, const Convolution& c, const Bfloat16* first, const Bfloat16* second,
                Bfloat16* out) {
#ifdef SELFSUP_MATRICES
  if (HasMatrices() && c.channels % 16 == 0 && c.filters % 16 == 0)
    return (kResult == Result::kOutput ? ConvolveMatrix : ConvolveMatrixInput)(c, first, second, out);
#endif
  Fail(context, "SelfsupConvolution on bfloat16 needs a processor with AMX, and multiples of 16 channels");
}

template <Result kResult, typename T = float>
void Compute(void* kernel, TF_OpKernelContext* context) {
  const Settings& settings = *static_cast<Settings*>(kernel);
  Status status;
  TF_Tensor* inputs[2] = {nullptr, nullptr};
  for (int i = 0; i < 2 && status.ok(); ++i) TF_GetInput(context, i, &inputs[i], status);
  Tensor first(inputs[0]), second(inputs[1]);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  if (TF_NumDims(first.get()) != 4 || TF_NumDims(second.get()) != 4)
    return Fail(context, "SelfsupConvolution: both inputs must have 4 axes");
  const Convolution c = Describe<kResult>(settings, first.get(), second.get());
  int64_t shape[4] = {settings.shape[0], settings.shape[1], settings.shape[2], settings.shape[3]};
  if (!OfFilter(kResult)) shape[0] = c.batch;
  const auto has = [](const TF_Tensor* tensor, int64_t a, int64_t b, int64_t d, int64_t e) {
    return TF_Dim(tensor, 0) == a && TF_Dim(tensor, 1) == b && TF_Dim(tensor, 2) == d && TF_Dim(tensor, 3) == e;
  };
  const bool agree = OfFilter(kResult)
                         ? shape[2] == c.channels && shape[3] == c.filters && TF_Dim(second.get(), 0) == c.batch
                         : has(second.get(), c.kernel_height, c.kernel_width, c.channels, c.filters);
  if (!agree || c.stride < 1 || c.channels < 1 || c.filters < 1)
    return Fail(context, "SelfsupConvolution: the shapes of images, filters and result do not match");
  const int64_t floats = shape[0] * shape[1] * shape[2] * shape[3];
  using Out = Made<kResult, T>;
  constexpr TF_DataType kType = sizeof(Out) == sizeof(float) ? TF_FLOAT : TF_BFLOAT16;
  Tensor output(TF_AllocateOutput(context, 0, kType, shape, 4, floats * sizeof(Out), status));
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  if (floats == 0) return;
  const auto* a = static_cast<const T*>(TF_TensorData(first.get()));
  const auto* b = static_cast<const T*>(TF_TensorData(second.get()));
  auto* out = static_cast<Out*>(TF_TensorData(output.get()));
  if constexpr (kResult == Result::kFilterBfloat16) {
    return FilterFromBfloat16(context, c, a, b, out);
  } else if constexpr (std::is_same_v<T, Bfloat16>) {
    return OnBfloat16<kResult>(context, c, a, b, out);
  } else {
    const bool winograd = SuitsWinograd(c);
    if constexpr (kResult == Result::kOutput) (winograd ? ConvolveWinograd : ConvolveDirect)(c, a, b, out);
    if constexpr (kResult == Result::kInput) (winograd ? ConvolveWinogradInput : ConvolveDirectInput)(c, a, b, out);
    if constexpr (kResult == Result::kFilter) (winograd ? ConvolveWinogradFilter : ConvolveDirectFilter)(c, a, b, out);
  }
}

void Delete(void* kernel) { delete static_cast<Settings*>(kernel); }

void InferShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

// Registers a kernel, for one type of inputs if the operation supports several.
void RegisterKernel(const char* name, void (*compute)(void*, TF_OpKernelContext*), std::optional<TF_DataType> type = {}) {
  Status status;
  TF_KernelBuilder* kernel = TF_NewKernelBuilder(name, "CPU", Create, compute, Delete);
  if (type) TF_KernelBuilder_TypeConstraint(kernel, "T", *type, status);
  if (status.ok()) TF_RegisterKernelBuilder(name, kernel, status);
}

// Types are a type of TensorFlow, or T, which is float32 or bfloat16.
template <Result kResult>
void Register(const char* name, const char* first, const char* second, const std::string& type) {
  TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder(name);
  for (const char* input : {first, second}) TF_OpDefinitionBuilderAddInput(op, (std::string(input) + ": " + type).c_str());
  const bool made_float = type == "float" || OfFilter(kResult);
  TF_OpDefinitionBuilderAddOutput(op, made_float ? "result: float" : "result: T");
  TF_OpDefinitionBuilderAddAttr(op, "stride: int >= 1");
  TF_OpDefinitionBuilderAddAttr(op, "top: int");
  TF_OpDefinitionBuilderAddAttr(op, "left: int");
  TF_OpDefinitionBuilderAddAttr(op, "shape: list(int)");
  if (type == "T") TF_OpDefinitionBuilderAddAttr(op, "T: {float, bfloat16} = DT_FLOAT");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, InferShape);
  Status status;
  TF_RegisterOpDefinition(op, status);
  if (!status.ok()) return;
  if constexpr (kResult != Result::kFilter) {
    if (type == "T") {
      RegisterKernel(name, Compute<kResult>, TF_FLOAT);
      RegisterKernel(name, Compute<kResult, Bfloat16>, TF_BFLOAT16);
      return;
    }
  }
  RegisterKernel(name, Compute<kResult>);
}

}  // namespace

void RegisterConvolutions() {
  Register<Result::kOutput>("SelfsupConvolution", "x", "w", "float");
  Register<Result::kInput>("SelfsupConvolutionInput", "dy", "w", "float");
  Register<Result::kFilter>("SelfsupConvolutionFilter", "x", "dy", "float");
  Register<Result::kOutput>("SelfsupConvolutionBfloat16", "x", "w", "T");
  Register<Result::kInput>("SelfsupConvolutionInputBfloat16", "dy", "w", "T");
  Register<Result::kFilterBfloat16>("SelfsupConvolutionFilterBfloat16", "x", "dy", "T");
}

int OwnConvolutions() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
  return __builtin_cpu_supports("avx512f") ? 3 : 2;
}

int OwnBfloat16() {
#ifdef SELFSUP_BFLOAT16
  // This check also ensures that the operating system saves the AVX-512 registers.
  if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl")) return 0;
  unsigned features, rest;
  if (!__get_cpuid_count(7, 1, &features, &rest, &rest, &rest) || !(features & 1u << 5)) return 0;
#ifdef SELFSUP_MATRICES
  if (HasMatrices()) return 3;
#endif
  unsigned matrices = 0;
  __get_cpuid_count(7, 0, &rest, &rest, &rest, &matrices);
  return matrices & 1u << 22 ? 1 : 2;  // oneDNN with AMX is faster than ours without
#else
  return 0;
#endif
}

#else

void RegisterConvolutions() {}
int OwnConvolutions() { return 0; }
int OwnBfloat16() { return 0; }

#endif

}  // namespace selfsup
