// The operations SelfsupNormalisation and SelfsupNormalisationGradient: batch normalisation (Ioffe & Szegedy 2015,
// arXiv:1502.03167) followed by a rectifier, with the minimum number of passes over memory: two reads and one write
// forwards, four reads and one write backwards. Each is also available as its two passes (Moments and Scale, GradientSums and
// GradientSpread), between which several workers add up their statistics.

#include <cstring>
#include <memory>
#include <vector>

#include "bfloat16.h"
#include "kernel_api.h"
#include "parallel.h"
#include "resample.h"
#include "selfsup.h"
#include "status.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

namespace selfsup {
namespace {

constexpr int64_t kRows = 512;  // rows that are summed in float32; blocks of rows are summed in double precision

struct Settings {
  float epsilon = 1e-5f;
  unsigned char rectify = 0;
};

// sums[c] = sum over rows of (x - first), squares[c] = sum over rows of (x - first)^2
template <typename T>
SELFSUP_INLINE void AddUpOf(const T* __restrict x, const float* __restrict first, int64_t rows, int64_t channels,
                            float* __restrict sums, float* __restrict squares) {
  std::memset(sums, 0, channels * sizeof(float));
  std::memset(squares, 0, channels * sizeof(float));
  for (int64_t row = 0; row < rows; ++row, x += channels)
    for (int64_t c = 0; c < channels; ++c) {
      const float d = ToFloat(x[c]) - first[c];
      sums[c] += d;
      squares[c] += d * d;
    }
}

template <typename T>
SELFSUP_INLINE void NormaliseOf(const T* __restrict x, const float* __restrict scale, const float* __restrict shift,
                                int64_t rows, int64_t channels, bool rectify, T* __restrict y) {
  for (int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    if (rectify) {
      for (int64_t c = 0; c < channels; ++c) Put(std::max(0.0f, ToFloat(x[c]) * scale[c] + shift[c]), y[c]);
    } else {
      for (int64_t c = 0; c < channels; ++c) Put(ToFloat(x[c]) * scale[c] + shift[c], y[c]);
    }
  }
}

// sums[c] = sum over rows of dz, products[c] = sum over rows of dz (x - mean); dz is dy, or 0 where the rectifier cut off
template <typename T>
SELFSUP_INLINE void AddUpGradientsOf(const T* __restrict dy, const T* __restrict x, const float* __restrict scale,
                                     const float* __restrict shift, const float* __restrict mean, int64_t rows,
                                     int64_t channels, bool rectify, float* __restrict sums, float* __restrict products) {
  std::memset(sums, 0, channels * sizeof(float));
  std::memset(products, 0, channels * sizeof(float));
  for (int64_t row = 0; row < rows; ++row, x += channels, dy += channels)
    for (int64_t c = 0; c < channels; ++c) {
      const float value = ToFloat(x[c]), dz = !rectify || value * scale[c] + shift[c] > 0.0f ? ToFloat(dy[c]) : 0.0f;
      sums[c] += dz;
      products[c] += dz * (value - mean[c]);
    }
}

// dx = scale dz - slope x + offset
template <typename T>
SELFSUP_INLINE void SpreadOf(const T* __restrict dy, const T* __restrict x, const float* __restrict scale,
                             const float* __restrict shift, const float* __restrict slope, const float* __restrict offset,
                             int64_t rows, int64_t channels, bool rectify, T* __restrict dx) {
  for (int64_t row = 0; row < rows; ++row, x += channels, dy += channels, dx += channels)
    for (int64_t c = 0; c < channels; ++c) {
      const float value = ToFloat(x[c]), dz = !rectify || value * scale[c] + shift[c] > 0.0f ? ToFloat(dy[c]) : 0.0f;
      Put(scale[c] * dz - slope[c] * value + offset[c], dx[c]);
    }
}

// Instantiates each loop for each type and processor generation.
#define SELFSUP_LOOPS(T)                                                                                                  \
  SELFSUP_SIMD void AddUp(const T* x, const float* first, int64_t rows, int64_t channels, float* sums, float* squares) {  \
    AddUpOf(x, first, rows, channels, sums, squares);                                                                     \
  }                                                                                                                       \
  SELFSUP_SIMD void Normalise(const T* x, const float* scale, const float* shift, int64_t rows, int64_t channels,         \
                              bool rectify, T* y) {                                                                       \
    NormaliseOf(x, scale, shift, rows, channels, rectify, y);                                                             \
  }                                                                                                                       \
  SELFSUP_SIMD void AddUpGradients(const T* dy, const T* x, const float* scale, const float* shift, const float* mean,    \
                                   int64_t rows, int64_t channels, bool rectify, float* sums, float* products) {          \
    AddUpGradientsOf(dy, x, scale, shift, mean, rows, channels, rectify, sums, products);                                 \
  }                                                                                                                       \
  SELFSUP_SIMD void Spread(const T* dy, const T* x, const float* scale, const float* shift, const float* slope,           \
                           const float* offset, int64_t rows, int64_t channels, bool rectify, T* dx) {                    \
    SpreadOf(dy, x, scale, shift, slope, offset, rows, channels, rectify, dx);                                            \
  }
SELFSUP_LOOPS(float)
SELFSUP_LOOPS(Bfloat16)

// Runs part(from, rows, share) over blocks of rows; shares are numbered in order.
template <typename Part>
void EachBlock(int64_t rows, const Part& part) {
  Workers::Get().Each((rows + kRows - 1) / kRows, [&](int64_t block) {
    const int64_t from = block * kRows;
    part(from, std::min(kRows, rows - from), block);
  });
}

// Two sums over all rows, in double precision. part(from, rows, first, second) computes those of a block, which are added up
// in the order of the blocks.
template <typename Part>
void SumBlocks(int64_t rows, int64_t channels, std::vector<double>& first, std::vector<double>& second,
               const Part& part) {
  std::vector<float> parts((rows + kRows - 1) / kRows * 2 * channels);
  EachBlock(rows, [&](int64_t from, int64_t some, int64_t block) {
    float* own = parts.data() + block * 2 * channels;
    part(from, some, own, own + channels);
  });
  first.assign(channels, 0.0);
  second.assign(channels, 0.0);
  for (size_t at = 0; at < parts.size(); at += 2 * channels)
    for (int64_t c = 0; c < channels; ++c) {
      first[c] += parts[at + c];
      second[c] += parts[at + channels + c];
    }
}

// Of each channel, the mean minus the value in the first row, and the variance without Bessel's correction. The sums are of
// differences from the first row, which keeps precision if the mean is far from 0.
template <typename T>
void MomentsOf(const T* x, int64_t rows, int64_t channels, std::vector<float>& first, std::vector<double>& away,
               std::vector<double>& variance) {
  first.resize(channels);
  for (int64_t c = 0; c < channels; ++c) first[c] = ToFloat(x[c]);
  SumBlocks(rows, channels, away, variance, [&](int64_t from, int64_t some, float* sums, float* squares) {
    AddUp(x + from * channels, first.data(), some, channels, sums, squares);
  });
  for (int64_t c = 0; c < channels; ++c) {
    away[c] /= rows;
    variance[c] = std::max(0.0, variance[c] / rows - away[c] * away[c]);
  }
}

void* Create(TF_OpKernelConstruction* construction) {
  auto settings = std::make_unique<Settings>();
  Status status;
  TF_OpKernelConstruction_GetAttrFloat(construction, "epsilon", &settings->epsilon, status);
  if (status.ok()) TF_OpKernelConstruction_GetAttrBool(construction, "rectify", &settings->rectify, status);
  if (status.ok()) return settings.release();
  TF_OpKernelConstruction_Failure(construction, status);
  return nullptr;
}

void Delete(void* kernel) { delete static_cast<Settings*>(kernel); }

// The inputs and results of one call. Rows are all axes but the last.
struct Arguments {
  TF_OpKernelContext* context;
  std::vector<Tensor> inputs, outputs;
  int64_t channels = 0, rows = 0;

  // Reads the inputs: [..., channels] where `wide` is 1, otherwise [channels]. Returns false if a shape is wrong.
  bool Get(const std::vector<int>& wide, Status& status) {
    int64_t size = 0;
    for (size_t i = 0; i < wide.size(); ++i) {
      TF_Tensor* input = nullptr;
      TF_GetInput(context, static_cast<int>(i), &input, status);
      inputs.emplace_back(input);
      if (!status.ok()) return false;
      const int64_t elements = TF_TensorElementCount(input);
      if (i == 0) {
        const int axes = TF_NumDims(input);
        channels = axes > 0 ? TF_Dim(input, axes - 1) : 0;
        size = elements;
      }
      if (channels == 0 || size == 0 || elements != (wide[i] ? size : channels)) {
        TF_SetStatus(status, TF_INVALID_ARGUMENT, "SelfsupNormalisation: inputs must be [..., channels] and [channels]");
        return false;
      }
    }
    rows = size / channels;
    return true;
  }

  template <typename T = float>
  const T* In(int i) const {
    return static_cast<const T*>(TF_TensorData(inputs[i].get()));
  }

  // Allocates a result with the shape and type of an input.
  void* Out(int i, int like, Status& status) {
    const TF_Tensor* model = inputs[like].get();
    std::vector<int64_t> shape(TF_NumDims(model));
    for (size_t axis = 0; axis < shape.size(); ++axis) shape[axis] = TF_Dim(model, static_cast<int>(axis));
    outputs.emplace_back(TF_AllocateOutput(context, i, TF_TensorType(model), shape.data(), static_cast<int>(shape.size()),
                                           TF_TensorByteSize(model), status));
    return status.ok() ? TF_TensorData(outputs.back().get()) : nullptr;
  }
};

// (x, gamma, beta) to (y, mean, unbiased variance, 1 / standard deviation)
template <typename T>
void Forward(void* kernel, TF_OpKernelContext* context) {
  const Settings& settings = *static_cast<Settings*>(kernel);
  Status status;
  Arguments a{context};
  void* results[4] = {};
  bool fine = a.Get({1, 0, 0}, status);
  for (int i = 0; fine && i < 4; ++i) fine = (results[i] = a.Out(i, i == 0 ? 0 : 1, status)) != nullptr;
  if (!fine) return TF_OpKernelContext_Failure(context, status);
  auto* y = static_cast<T*>(results[0]);
  const auto float_at = [&](int i) { return static_cast<float*>(results[i]); };
  float *mean = float_at(1), *variance = float_at(2), *inverse = float_at(3);
  const T* x = a.In<T>(0);
  const float *gamma = a.In(1), *beta = a.In(2);
  const int64_t channels = a.channels, rows = a.rows;
  std::vector<float> first, scale(channels), shift(channels);
  std::vector<double> away, spreads;
  MomentsOf(x, rows, channels, first, away, spreads);
  for (int64_t c = 0; c < channels; ++c) {
    const double spread = spreads[c];
    mean[c] = static_cast<float>(first[c] + away[c]);
    variance[c] = static_cast<float>(rows > 1 ? spread * rows / (rows - 1) : spread);
    inverse[c] = static_cast<float>(1.0 / std::sqrt(spread + settings.epsilon));
    scale[c] = gamma[c] * inverse[c];
    shift[c] = beta[c] - mean[c] * scale[c];
  }
  EachBlock(rows, [&](int64_t from, int64_t some, int64_t) {
    Normalise(x + from * channels, scale.data(), shift.data(), some, channels, settings.rectify, y + from * channels);
  });
}

// (dy, x, gamma, beta, mean, 1 / standard deviation) to the gradients of x, gamma, beta
template <typename T>
void Backward(void* kernel, TF_OpKernelContext* context) {
  const Settings& settings = *static_cast<Settings*>(kernel);
  Status status;
  Arguments a{context};
  void* results[3] = {};
  bool fine = a.Get({1, 1, 0, 0, 0, 0}, status);
  for (int i = 0; fine && i < 3; ++i) fine = (results[i] = a.Out(i, i == 0 ? 1 : 2, status)) != nullptr;
  if (!fine) return TF_OpKernelContext_Failure(context, status);
  auto* dx = static_cast<T*>(results[0]);
  auto *dgamma = static_cast<float*>(results[1]), *dbeta = static_cast<float*>(results[2]);
  const T *dy = a.In<T>(0), *x = a.In<T>(1);
  const float *gamma = a.In(2), *beta = a.In(3), *mean = a.In(4), *inverse = a.In(5);
  const int64_t channels = a.channels, rows = a.rows;
  std::vector<float> scale(channels), shift(channels), slope(channels), offset(channels);
  for (int64_t c = 0; c < channels; ++c) {
    scale[c] = gamma[c] * inverse[c];
    shift[c] = beta[c] - mean[c] * scale[c];
  }
  std::vector<double> sums, products;
  SumBlocks(rows, channels, sums, products, [&](int64_t from, int64_t some, float* own_sums, float* own_products) {
    AddUpGradients(dy + from * channels, x + from * channels, scale.data(), shift.data(), mean, some, channels,
                   settings.rectify, own_sums, own_products);
  });
  for (int64_t c = 0; c < channels; ++c) {
    dbeta[c] = static_cast<float>(sums[c]);
    dgamma[c] = static_cast<float>(products[c] * inverse[c]);
    const double steep = static_cast<double>(scale[c]) * inverse[c] * inverse[c] * products[c] / rows;
    slope[c] = static_cast<float>(steep);
    offset[c] = static_cast<float>(steep * mean[c] - scale[c] * sums[c] / rows);
  }
  EachBlock(rows, [&](int64_t from, int64_t some, int64_t) {
    Spread(dy + from * channels, x + from * channels, scale.data(), shift.data(), slope.data(), offset.data(), some,
           channels, settings.rectify, dx + from * channels);
  });
}

// x to (mean, variance), without Bessel's correction. The shapes come from the second input, whose values are not used.
template <typename T>
void Moments(void*, TF_OpKernelContext* context) {
  Status status;
  Arguments a{context};
  void* results[2] = {};
  bool fine = a.Get({1, 0}, status);
  for (int i = 0; fine && i < 2; ++i) fine = (results[i] = a.Out(i, 1, status)) != nullptr;
  if (!fine) return TF_OpKernelContext_Failure(context, status);
  std::vector<float> first;
  std::vector<double> away, variance;
  MomentsOf(a.In<T>(0), a.rows, a.channels, first, away, variance);
  for (int64_t c = 0; c < a.channels; ++c) {
    static_cast<float*>(results[0])[c] = static_cast<float>(first[c] + away[c]);
    static_cast<float*>(results[1])[c] = static_cast<float>(variance[c]);
  }
}

// (x, scale, shift) to y
template <typename T>
void Scale(void* kernel, TF_OpKernelContext* context) {
  const Settings& settings = *static_cast<Settings*>(kernel);
  Status status;
  Arguments a{context};
  void* result = a.Get({1, 0, 0}, status) ? a.Out(0, 0, status) : nullptr;
  if (!result) return TF_OpKernelContext_Failure(context, status);
  EachBlock(a.rows, [&](int64_t from, int64_t some, int64_t) {
    Normalise(a.In<T>(0) + from * a.channels, a.In(1), a.In(2), some, a.channels, settings.rectify,
              static_cast<T*>(result) + from * a.channels);
  });
}

// (dy, x, scale, shift, mean) to the sums over rows of dz and of dz (x - mean)
template <typename T>
void GradientSums(void* kernel, TF_OpKernelContext* context) {
  const Settings& settings = *static_cast<Settings*>(kernel);
  Status status;
  Arguments a{context};
  void* results[2] = {};
  bool fine = a.Get({1, 1, 0, 0, 0}, status);
  for (int i = 0; fine && i < 2; ++i) fine = (results[i] = a.Out(i, 2, status)) != nullptr;
  if (!fine) return TF_OpKernelContext_Failure(context, status);
  const int64_t channels = a.channels;
  std::vector<double> sums, products;
  SumBlocks(a.rows, channels, sums, products, [&](int64_t from, int64_t some, float* own_sums, float* own_products) {
    AddUpGradients(a.In<T>(0) + from * channels, a.In<T>(1) + from * channels, a.In(2), a.In(3), a.In(4), some, channels,
                   settings.rectify, own_sums, own_products);
  });
  for (int64_t c = 0; c < channels; ++c) {
    static_cast<float*>(results[0])[c] = static_cast<float>(sums[c]);
    static_cast<float*>(results[1])[c] = static_cast<float>(products[c]);
  }
}

// (dy, x, scale, shift, slope, offset) to dx
template <typename T>
void GradientSpread(void* kernel, TF_OpKernelContext* context) {
  const Settings& settings = *static_cast<Settings*>(kernel);
  Status status;
  Arguments a{context};
  void* result = a.Get({1, 1, 0, 0, 0, 0}, status) ? a.Out(0, 1, status) : nullptr;
  if (!result) return TF_OpKernelContext_Failure(context, status);
  EachBlock(a.rows, [&](int64_t from, int64_t some, int64_t) {
    Spread(a.In<T>(0) + from * a.channels, a.In<T>(1) + from * a.channels, a.In(2), a.In(3), a.In(4), a.In(5), some,
           a.channels, settings.rectify, static_cast<T*>(result) + from * a.channels);
  });
}

// Each result has the shape of one of these inputs.
template <int... kLike>
void InferShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  int output = 0;
  TF_ShapeHandle* shape = TF_NewShapeHandle();
  for (const int like : {kLike...}) {
    TF_ShapeInferenceContextGetInput(context, like, shape, status);
    if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, output++, shape, status);
    if (TF_GetCode(status) != TF_OK) break;
  }
  TF_DeleteShapeHandle(shape);
}

using Compute = void (*)(void*, TF_OpKernelContext*);

void Register(const char* name, const std::vector<const char*>& inputs, const std::vector<const char*>& outputs,
              void (*infer)(TF_ShapeInferenceContext*, TF_Status*), Compute of_float, Compute of_bfloat16) {
  TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder(name);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(op, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(op, output);
  TF_OpDefinitionBuilderAddAttr(op, "epsilon: float = 1e-5");
  TF_OpDefinitionBuilderAddAttr(op, "rectify: bool = false");
  TF_OpDefinitionBuilderAddAttr(op, "T: {float, bfloat16} = DT_FLOAT");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, infer);
  Status status;
  TF_RegisterOpDefinition(op, status);
  if (!status.ok()) return;
  for (const TF_DataType type : {TF_FLOAT, TF_BFLOAT16}) {
    TF_KernelBuilder* kernel = TF_NewKernelBuilder(name, "CPU", Create, type == TF_FLOAT ? of_float : of_bfloat16, Delete);
    TF_KernelBuilder_TypeConstraint(kernel, "T", type, status);
    if (status.ok()) TF_RegisterKernelBuilder(name, kernel, status);
  }
}

}  // namespace

void RegisterNormalisation() {
  Register("SelfsupNormalisation", {"x: T", "gamma: float", "beta: float"},
           {"y: T", "mean: float", "variance: float", "inverse: float"}, InferShape<0, 1, 1, 1>, Forward<float>,
           Forward<Bfloat16>);
  Register("SelfsupNormalisationGradient",
           {"dy: T", "x: T", "gamma: float", "beta: float", "mean: float", "inverse: float"},
           {"dx: T", "dgamma: float", "dbeta: float"}, InferShape<1, 2, 2>, Backward<float>, Backward<Bfloat16>);
  Register("SelfsupNormalisationMoments", {"x: T", "like: float"}, {"mean: float", "variance: float"}, InferShape<1, 1>,
           Moments<float>, Moments<Bfloat16>);
  Register("SelfsupNormalisationScale", {"x: T", "scale: float", "shift: float"}, {"y: T"}, InferShape<0>, Scale<float>,
           Scale<Bfloat16>);
  Register("SelfsupNormalisationGradientSums", {"dy: T", "x: T", "scale: float", "shift: float", "mean: float"},
           {"sums: float", "products: float"}, InferShape<2, 2>, GradientSums<float>, GradientSums<Bfloat16>);
  Register("SelfsupNormalisationGradientSpread",
           {"dy: T", "x: T", "scale: float", "shift: float", "slope: float", "offset: float"}, {"dx: T"}, InferShape<1>,
           GradientSpread<float>, GradientSpread<Bfloat16>);
}

}  // namespace selfsup
