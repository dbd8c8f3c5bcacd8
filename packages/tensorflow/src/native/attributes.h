// Attributes of an operation. They are read once from JavaScript's flat list [name, kind, value, name, kind, value, ...],
// and set each time the operation runs or is added to a graph.
#pragma once

#include <cstring>
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

// Attributes of a float32 operation that computes in bfloat16 instead. `U`, the type of statistics, stays float32.
struct Bfloat16Attributes : GraphAttributes {
  void Type(const char* name, TF_DataType value) {
    TF_SetAttrType(op, name, value == TF_FLOAT && std::strcmp(name, "U") != 0 ? TF_BFLOAT16 : value);
  }
};

// One attribute from JavaScript. Booleans and types are stored as integers.
struct Attribute {
  std::string name;
  int32_t kind;
  bool list;
  std::string text;
  std::vector<int64_t> numbers;
  std::vector<float> reals;

  template <typename Element>
  std::vector<Element> As() const {
    std::vector<Element> elements;
    for (int64_t number : numbers) elements.push_back(static_cast<Element>(number));
    return elements;
  }
};

// An operation's name and attributes, which JavaScript passes once.
struct Definition {
  std::string name;
  std::vector<Attribute> attributes;
  // a product that stays float32 in mixed precision: kFloat32Attribute
  bool float32 = false;
  // an operation that waits only for its inputs, even if they are large, so that it runs alongside others: kUnorderedAttribute
  bool unordered = false;
  // shape of the first output, for operations whose shape function does not know it: kShapeAttribute
  std::vector<int64_t> shape;
};

// Attributes of ours, which TensorFlow does not know.
constexpr char kFloat32Attribute[] = "selfsup_float32";
constexpr char kUnorderedAttribute[] = "selfsup_unordered";
constexpr char kShapeAttribute[] = "selfsup_shape";

inline void Append(const Call& call, napi_value value, Attribute& attribute) {
  switch (attribute.kind) {
    case TF_ATTR_STRING:
      attribute.text = call.Text(value);
      break;
    case TF_ATTR_FLOAT:
      attribute.reals.push_back(static_cast<float>(call.Double(value)));
      break;
    case TF_ATTR_BOOL:
      attribute.numbers.push_back(call.Bool(value));
      break;
    case TF_ATTR_INT:
    case TF_ATTR_TYPE:
    case TF_ATTR_SHAPE:
      attribute.numbers.push_back(static_cast<int64_t>(call.Double(value)));
      break;
    default:
      throw Failure("attribute " + attribute.name + " has an unknown kind: " + std::to_string(attribute.kind));
  }
}

inline std::vector<Attribute> ReadAttributes(const Call& call, napi_value flat) {
  std::vector<Attribute> attributes;
  const uint32_t length = call.Length(flat);
  for (uint32_t i = 0; i + 3 <= length; i += 3) {
    napi_value value = call.At(flat, i + 2);
    Attribute attribute{call.Text(call.At(flat, i)), call.Int(call.At(flat, i + 1)), call.IsArray(value), {}, {}, {}};
    const uint32_t count = attribute.list ? call.Length(value) : 1;
    for (uint32_t j = 0; j < count; ++j) Append(call, attribute.list ? call.At(value, j) : value, attribute);
    attributes.push_back(std::move(attribute));
  }
  return attributes;
}

template <typename Target>
void SetAttributes(const std::vector<Attribute>& attributes, Target target) {
  for (const Attribute& attribute : attributes) {
    const char* name = attribute.name.c_str();
    const auto& [_, kind, list, text, numbers, reals] = attribute;
    switch (kind) {
      case TF_ATTR_STRING:
        target.String(name, text);
        break;
      case TF_ATTR_INT:
        list ? target.Ints(name, numbers) : target.Int(name, numbers[0]);
        break;
      case TF_ATTR_FLOAT:
        list ? target.Floats(name, reals) : target.Float(name, reals[0]);
        break;
      case TF_ATTR_BOOL:
        list ? target.Bools(name, attribute.As<unsigned char>()) : target.Bool(name, numbers[0] != 0);
        break;
      case TF_ATTR_TYPE:
        list ? target.Types(name, attribute.As<TF_DataType>())
             : target.Type(name, static_cast<TF_DataType>(numbers[0]));
        break;
      case TF_ATTR_SHAPE:
        target.Shape(name, numbers);
        break;
    }
  }
}

}  // namespace selfsup
