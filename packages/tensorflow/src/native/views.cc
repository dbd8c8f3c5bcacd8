// The operation SelfsupViews: computes views of a batch of images, one view per task.

#include <memory>
#include <string>

#include "parallel.h"
#include "kernel_api.h"
#include "selfsup.h"
#include "status.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"
#include "views.h"

namespace selfsup {
namespace {

#define SELFSUP_VIEW(name, type, channels)                                                               \
  SELFSUP_SIMD void name(const void* image, int64_t width, const View& view, const ViewSettings& s,    \
                         ViewMemory& memory, float* out) {                                               \
    MakeView<type, channels>(static_cast<const type*>(image), width, view, s, memory, out);            \
  }
SELFSUP_VIEW(FloatColour, float, 3)
SELFSUP_VIEW(FloatGrey, float, 1)
SELFSUP_VIEW(IntColour, int32_t, 3)
SELFSUP_VIEW(IntGrey, int32_t, 1)
SELFSUP_VIEW(ByteColour, uint8_t, 3)
SELFSUP_VIEW(ByteGrey, uint8_t, 1)

void* Create(TF_OpKernelConstruction* construction) {
  auto settings = std::make_unique<ViewSettings>();
  Status status;
  TF_OpKernelConstruction_GetAttrInt32(construction, "size", &settings->size, status);
  if (status.ok()) TF_OpKernelConstruction_GetAttrInt32(construction, "kernel_size", &settings->kernel_size, status);
  if (status.ok()) TF_OpKernelConstruction_GetAttrFloat(construction, "threshold", &settings->threshold, status);
  if (!status.ok()) {
    TF_OpKernelConstruction_Failure(construction, status);
    return nullptr;
  }
  return settings.release();
}

void Fail(TF_OpKernelContext* context, const char* message) {
  Status status;
  TF_SetStatus(status, TF_INVALID_ARGUMENT, message);
  TF_OpKernelContext_Failure(context, status);
}

void Compute(void* kernel, TF_OpKernelContext* context) {
  ViewSettings settings = *static_cast<ViewSettings*>(kernel);
  Status status;
  TF_Tensor* inputs[3] = {nullptr, nullptr, nullptr};
  for (int i = 0; i < 3 && status.ok(); ++i) TF_GetInput(context, i, &inputs[i], status);
  Tensor images(inputs[0]), parameters(inputs[1]), normalisation(inputs[2]);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  if (TF_NumDims(images.get()) != 4 || TF_NumDims(parameters.get()) != 2 ||
      TF_Dim(parameters.get(), 1) != kViewColumns)
    return Fail(context, "SelfsupViews: images must be [batch, height, width, channels], parameters [views, 18]");
  const int64_t batch = TF_Dim(images.get(), 0), height = TF_Dim(images.get(), 1), width = TF_Dim(images.get(), 2),
                channels = TF_Dim(images.get(), 3), count = TF_Dim(parameters.get(), 0), size = settings.size;
  if ((channels != 1 && channels != 3) || TF_TensorElementCount(normalisation.get()) != 2 * channels)
    return Fail(context, "SelfsupViews: images must have 1 or 3 channels, with a mean and a factor each");
  if (settings.kernel_size > 1 && settings.kernel_size >= 2 * size)
    return Fail(context, "SelfsupViews: kernel_size must be less than 2 * size");
  const View* views = static_cast<const View*>(TF_TensorData(parameters.get()));
  for (int64_t i = 0; i < count; ++i) {
    const View& v = views[i];
    const bool within = v.top >= 0 && v.left >= 0 && v.height >= 1 && v.width >= 1 && v.top + v.height <= height &&
                        v.left + v.width <= width;
    if (!within) return Fail(context, "SelfsupViews: a box is outside its image");
  }
  const float* mean = static_cast<const float*>(TF_TensorData(normalisation.get()));
  for (int c = 0; c < channels; ++c) {
    settings.mean[c] = mean[c];
    settings.inverse_std[c] = mean[channels + c];
  }
  const int64_t shape[4] = {count, size, size, channels};
  const int64_t view_values = size * size * channels;
  Tensor output(TF_AllocateOutput(context, 0, TF_FLOAT, shape, 4, count * view_values * sizeof(float), status));
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const TF_DataType type = TF_TensorType(images.get());
  const auto make = type == TF_FLOAT   ? (channels == 3 ? FloatColour : FloatGrey)
                    : type == TF_INT32 ? (channels == 3 ? IntColour : IntGrey)
                                       : (channels == 3 ? ByteColour : ByteGrey);
  const int64_t image_bytes = height * width * channels * static_cast<int64_t>(TF_DataTypeSize(type));
  const char* image_data = static_cast<const char*>(TF_TensorData(images.get()));
  float* out = static_cast<float*>(TF_TensorData(output.get()));
  Workers::Get().Each(count, [&](int64_t i) {
    static thread_local ViewMemory memory;
    make(image_data + (i % batch) * image_bytes, width, views[i], settings, memory, out + i * view_values);
  });
}

void Delete(void* kernel) { delete static_cast<ViewSettings*>(kernel); }

void InferShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

}  // namespace

void RegisterViews() {
  TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder("SelfsupViews");
  TF_OpDefinitionBuilderAddInput(op, "images: T");
  TF_OpDefinitionBuilderAddInput(op, "parameters: float");
  TF_OpDefinitionBuilderAddInput(op, "normalisation: float");
  TF_OpDefinitionBuilderAddOutput(op, "views: float");
  TF_OpDefinitionBuilderAddAttr(op, "T: {float, int32, uint8}");
  TF_OpDefinitionBuilderAddAttr(op, "size: int >= 1");
  TF_OpDefinitionBuilderAddAttr(op, "kernel_size: int = 0");
  TF_OpDefinitionBuilderAddAttr(op, "threshold: float = 0.5");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, InferShape);
  Status status;
  TF_RegisterOpDefinition(op, status);
  if (!status.ok()) return;
  TF_KernelBuilder* kernel = TF_NewKernelBuilder("SelfsupViews", "CPU", Create, Compute, Delete);
  TF_RegisterKernelBuilder("SelfsupViews", kernel, status);
}

}  // namespace selfsup
