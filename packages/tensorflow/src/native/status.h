// TensorFlow's statuses and tensors, freed when they go out of scope.
#pragma once

#include <memory>

#include "js.h"
#include "tensorflow/c/c_api.h"

namespace selfsup {

struct Status {
  TF_Status* status = TF_NewStatus();
  Status() = default;
  Status(const Status&) = delete;
  ~Status() { TF_DeleteStatus(status); }
  bool ok() const { return TF_GetCode(status) == TF_OK; }
  operator TF_Status*() const { return status; }
  void Check() const {
    if (!ok()) throw Failure(TF_Message(status));
  }
};

struct TensorDeleter {
  void operator()(TF_Tensor* tensor) const { TF_DeleteTensor(tensor); }
};
using Tensor = std::unique_ptr<TF_Tensor, TensorDeleter>;

}  // namespace selfsup
