// Helpers for Node-API: reading arguments, returning numbers, and C++ exceptions as JavaScript errors.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace selfsup {

class Engine;

// An error that is thrown in JavaScript as an Error.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void Check(napi_status status, const char* what) {
  if (status != napi_ok) throw Failure(std::string("Node-API call failed: ") + what);
}

// One call from JavaScript, with at most six arguments.
struct Call {
  napi_env env;
  napi_value arguments[6];
  size_t count = 6;

  Call(napi_env env, napi_callback_info info) : env(env) {
    Check(napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr), "arguments");
  }

  int32_t Int(napi_value value) const {
    int32_t number;
    Check(napi_get_value_int32(env, value, &number), "expected a number");
    return number;
  }

  int32_t Int(size_t index) const { return Int(arguments[index]); }

  bool Bool(napi_value value) const {
    bool is;
    Check(napi_get_value_bool(env, value, &is), "expected a boolean");
    return is;
  }

  double Double(napi_value value) const {
    double number;
    Check(napi_get_value_double(env, value, &number), "expected a number");
    return number;
  }

  // Reads a string. Names of operations and attributes fit the buffer; longer strings are read in a second call.
  std::string Text(napi_value value) const {
    char buffer[128];
    size_t length;
    Check(napi_get_value_string_utf8(env, value, buffer, sizeof(buffer), &length), "expected a string");
    if (length < sizeof(buffer) - 1) return std::string(buffer, length);
    Check(napi_get_value_string_utf8(env, value, nullptr, 0, &length), "expected a string");
    std::string text(length, '\0');
    Check(napi_get_value_string_utf8(env, value, &text[0], length + 1, &length), "expected a string");
    return text;
  }

  uint32_t Length(napi_value array) const {
    uint32_t length;
    Check(napi_get_array_length(env, array, &length), "expected an array");
    return length;
  }

  napi_value At(napi_value array, uint32_t index) const {
    napi_value element;
    Check(napi_get_element(env, array, index, &element), "expected an element");
    return element;
  }

  bool IsArray(napi_value value) const {
    bool is = false;
    napi_is_array(env, value, &is);
    return is;
  }

  napi_value Number(int32_t number) const {
    napi_value value;
    Check(napi_create_int32(env, number, &value), "a number");
    return value;
  }

  Engine& engine() const;
};

// The function that JavaScript calls. Exceptions of the body become JavaScript errors.
template <napi_value (*Body)(Call&)>
napi_value Entry(napi_env env, napi_callback_info info) {
  try {
    Call call(env, info);
    return Body(call);
  } catch (const std::exception& error) {
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending) napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
}

}  // namespace selfsup
