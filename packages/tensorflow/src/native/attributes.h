// Attributes of an operation, from JavaScript's flat list [name, kind, value, name, kind, value, ...], set on an
// operation that is to be run or on one that is added to a graph.
#pragma once

#include <vector>

#include "status.h"
#include "tensorflow/c/eager/c_api.h"

namespace selfsup {

struct EagerAttributes {
  TFE_Op* op;
  void String(const char* name, const std::string& value) { TFE_OpSetAttrString(op, name, value.data(), value.size()); }
  void Int(const char* name, int64_t value) { TFE_OpSetAttrInt(op, name, value); }
  void Ints(const char* name, const std::vector<int64_t>& v) {
    TFE_OpSetAttrIntList(op, name, v.data(), static_cast<int>(v.size()));
  }
  void Float(const char* name, float value) { TFE_OpSetAttrFloat(op, name, value); }
  void Floats(const char* name, const std::vector<float>& v) {
    TFE_OpSetAttrFloatList(op, name, v.data(), static_cast<int>(v.size()));
  }
  void Bool(const char* name, bool value) { TFE_OpSetAttrBool(op, name, value); }
  void Bools(const char* name, const std::vector<unsigned char>& v) {
    TFE_OpSetAttrBoolList(op, name, v.data(), static_cast<int>(v.size()));
  }
  void Type(const char* name, TF_DataType value) { TFE_OpSetAttrType(op, name, value); }
  void Types(const char* name, const std::vector<TF_DataType>& v) {
    TFE_OpSetAttrTypeList(op, name, v.data(), static_cast<int>(v.size()));
  }
  void Shape(const char* name, const std::vector<int64_t>& v) {
    Status status;
    TFE_OpSetAttrShape(op, name, v.data(), static_cast<int>(v.size()), status);
    status.Check();
  }
};

struct GraphAttributes {
  TF_OperationDescription* op;
  void String(const char* name, const std::string& value) { TF_SetAttrString(op, name, value.data(), value.size()); }
  void Int(const char* name, int64_t value) { TF_SetAttrInt(op, name, value); }
  void Ints(const char* name, const std::vector<int64_t>& v) {
    TF_SetAttrIntList(op, name, v.data(), static_cast<int>(v.size()));
  }
  void Float(const char* name, float value) { TF_SetAttrFloat(op, name, value); }
  void Floats(const char* name, const std::vector<float>& v) {
    TF_SetAttrFloatList(op, name, v.data(), static_cast<int>(v.size()));
  }
  void Bool(const char* name, bool value) { TF_SetAttrBool(op, name, value); }
  void Bools(const char* name, const std::vector<unsigned char>& v) {
    TF_SetAttrBoolList(op, name, v.data(), static_cast<int>(v.size()));
  }
  void Type(const char* name, TF_DataType value) { TF_SetAttrType(op, name, value); }
  void Types(const char* name, const std::vector<TF_DataType>& v) {
    TF_SetAttrTypeList(op, name, v.data(), static_cast<int>(v.size()));
  }
  void Shape(const char* name, const std::vector<int64_t>& v) {
    TF_SetAttrShape(op, name, v.data(), static_cast<int>(v.size()));
  }
};

template <typename Element, typename Read>
std::vector<Element> List(const Call& call, napi_value array, Read read) {
  std::vector<Element> list(call.Length(array));
  for (uint32_t i = 0; i < list.size(); ++i) list[i] = static_cast<Element>(read(call.At(array, i)));
  return list;
}

template <typename Target>
void SetAttributes(const Call& call, napi_value attributes, Target target) {
  const auto number = [&](napi_value value) { return call.Double(value); };
  const uint32_t length = call.Length(attributes);
  for (uint32_t i = 0; i + 3 <= length; i += 3) {
    const std::string text = call.Text(call.At(attributes, i));
    const char* name = text.c_str();
    const int32_t kind = call.Int(call.At(attributes, i + 1));
    napi_value value = call.At(attributes, i + 2);
    const bool list = call.IsArray(value);
    switch (kind) {
      case TF_ATTR_STRING:
        target.String(name, call.Text(value));
        break;
      case TF_ATTR_INT:
        if (list) target.Ints(name, List<int64_t>(call, value, number));
        else target.Int(name, static_cast<int64_t>(call.Double(value)));
        break;
      case TF_ATTR_FLOAT:
        if (list) target.Floats(name, List<float>(call, value, number));
        else target.Float(name, static_cast<float>(call.Double(value)));
        break;
      case TF_ATTR_BOOL:
        if (list) target.Bools(name, List<unsigned char>(call, value, [&](napi_value v) { return call.Bool(v); }));
        else target.Bool(name, call.Bool(value));
        break;
      case TF_ATTR_TYPE:
        if (list) target.Types(name, List<TF_DataType>(call, value, number));
        else target.Type(name, static_cast<TF_DataType>(call.Int(value)));
        break;
      case TF_ATTR_SHAPE:
        target.Shape(name, List<int64_t>(call, value, number));
        break;
      default:
        throw Failure("attribute " + text + " is of a kind that is not known: " + std::to_string(kind));
    }
  }
}

}  // namespace selfsup
