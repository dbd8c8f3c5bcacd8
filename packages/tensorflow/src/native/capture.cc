#include "capture.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "attributes.h"
#include "proto.h"
#include "tensorflow/c/tf_tstring.h"

namespace selfsup {
namespace {

constexpr char kViews[] = "SelfsupViews";
constexpr char kConvolution[] = "SelfsupConvolution";  // also the prefix of its gradients' names
constexpr char kBfloat16Filter[] = "SelfsupConvolutionFilterBfloat16";
constexpr int64_t kLarge = 1 << 16;  // bytes
// Whether a Cast is to float32.
bool ToFloat(const Definition& cast) {
  return std::any_of(cast.attributes.begin(), cast.attributes.end(), [](const Attribute& attribute) {
    return attribute.name == "DstT" && attribute.numbers.size() == 1 && attribute.numbers[0] == TF_FLOAT;
  });
}

// How many tensors each input argument of an operation takes: 1, or 0 for a list of any length. Parses a serialized
// OpDef: field 2 is an input_arg; its fields 5 and 6 (number_attr, type_list_attr) mark a list.
std::vector<int> ParseArguments(ProtoReader definition) {
  std::vector<int> arguments;
  while (definition.Next()) {
    if (definition.field() != 2) continue;
    int takes = 1;
    for (ProtoReader argument = definition.message(); argument.Next();)
      if (argument.field() == 5 || argument.field() == 6) takes = 0;
    arguments.push_back(takes);
  }
  return arguments;
}

}  // namespace

Capture::Capture(Engine& engine, uint32_t number, size_t largest_constant, Precision precision, bool xla,
                 std::unordered_set<int32_t> weights)
    : number(number),
      largest_constant_(largest_constant),
      precision_(precision),
      device_(std::string(xla ? "XLA_" : "") + (engine.gpu ? "GPU" : "CPU") + (xla ? "_JIT" : "")),
      weights_(std::move(weights)),
      engine_(engine) {}

const std::vector<int>& Capture::Arguments(const std::string& name) {
  static thread_local std::unordered_map<std::string, std::vector<int>> known;
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  Status status;
  TF_Buffer* definition = TF_NewBuffer();
  TF_GraphGetOpDef(graph_, name.c_str(), definition, status);
  std::vector<int> arguments;
  if (status.ok()) {
    arguments = ParseArguments({definition->data, definition->length});
  }
  TF_DeleteBuffer(definition);
  status.Check();
  return known.emplace(name, std::move(arguments)).first->second;
}

// FNV-1a, twice with different starts.
void Capture::Mix(const void* data, size_t bytes) {
  const auto* at = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < bytes; ++i) {
    hash_[0] = (hash_[0] ^ at[i]) * 0x100000001b3;
    hash_[1] = (hash_[1] ^ (at[i] + 0x9d)) * 0x100000001b3;
  }
}

void Capture::Mix(TF_Output output) {
  Mix(TF_OperationName(output.oper));
  Mix(&output.index, sizeof(output.index));
}

void Capture::Mix(const Attribute& attribute) {
  Mix(attribute.name);
  const int32_t facts[] = {attribute.kind, attribute.list, static_cast<int32_t>(attribute.numbers.size()),
                           static_cast<int32_t>(attribute.reals.size())};
  Mix(facts, sizeof(facts));
  Mix(attribute.text);
  Mix(attribute.numbers.data(), attribute.numbers.size() * sizeof(int64_t));
  Mix(attribute.reals.data(), attribute.reals.size() * sizeof(float));
}

TF_OperationDescription* Capture::New(const char* type) {
  Mix(type);
  return TF_NewOperation(graph_, type, ("n" + std::to_string(nodes_++)).c_str());
}

TF_Output Capture::Done(TF_OperationDescription* description, const char* type) {
  Status status;
  TF_Operation* operation = TF_FinishOperation(description, status);
  if (!status.ok()) throw Failure(std::string(type) + ": " + TF_Message(status));
  return {operation, 0};
}

TF_Output Capture::Input(int32_t id) {
  const Value& value = engine_.Get(id);
  if (!value.handle) {
    if (value.capture == number) return value.output;
    throw Failure("a compiled step uses a tensor that was created inside a different one; return it from that step");
  }
  const auto found = inputs_.find(id);
  if (found != inputs_.end()) return found->second;
  Status status;
  std::vector<int64_t> shape(TFE_TensorHandleNumDims(value.handle, status));
  status.Check();
  for (size_t axis = 0; axis < shape.size(); ++axis)
    shape[axis] = TFE_TensorHandleDim(value.handle, static_cast<int>(axis), status);
  status.Check();
  TF_OperationDescription* description = New("Placeholder");
  TF_SetAttrType(description, "dtype", TFE_TensorHandleDataType(value.handle));
  TF_SetAttrShape(description, "shape", shape.data(), static_cast<int>(shape.size()));
  const int32_t input_type = TFE_TensorHandleDataType(value.handle);
  Mix(&input_type, sizeof(input_type));
  Mix(shape.data(), shape.size() * sizeof(int64_t));
  const TF_Output placeholder = Done(description, "Placeholder");
  ids_.push_back(id);
  placeholders_.push_back(placeholder);
  TF_Output output = placeholder;
  if (input_type == TF_UINT8) {  // bytes are int32 to TensorFlow.js: they are widened on the device
    description = New("Cast");
    TF_AddInput(description, placeholder);
    TF_SetAttrType(description, "DstT", TF_INT32);
    Mix(placeholder);
    output = Done(description, "Cast");
  }
  inputs_.emplace(id, output);
  if (weights_.count(id)) of_network_.insert({output.oper, output.index});
  return output;
}

bool Capture::Emulates(const std::string& product) const {
  constexpr char kEnd[] = "Bfloat16";
  constexpr size_t kLength = sizeof(kEnd) - 1;
  if (product.size() > kLength && product.compare(product.size() - kLength, kLength, kEnd) == 0) return false;
  // Our other convolutions only support float32.
  return precision_ == Precision::kEmulatedBfloat16 || product.compare(0, sizeof(kConvolution) - 1, kConvolution) == 0;
}

bool Capture::HasBfloat16Kernel(const std::string& name) const {
  static thread_local std::unordered_map<std::string, bool> known;
  const std::string key = device_ + " " + name;
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  return known[key] = HasKernel(name, device_, TF_BFLOAT16);
}

bool Capture::ComputesInBfloat16(const Rule& rule, const Definition& definition, const std::vector<TF_Output>& sources) {
  if (precision_ == Precision::kFloat32 || definition.float32) return false;
  const std::string& name = definition.name;
  switch (rule.treatment) {
    case Treatment::kFloat32:
      return false;
    case Treatment::kProduct:
    case Treatment::kFilter: {
      if (name == kBfloat16Filter) return true;  // always computes in bfloat16
      const bool of_network =
          std::any_of(sources.begin(), sources.end(), [this](TF_Output source) { return OfNetwork(source); });
      return of_network && (Emulates(name) || HasBfloat16Kernel(name));
    }
    case Treatment::kFollow: {
      bool all = true;
      if (rule.leading.empty()) {
        bool any = false;
        for (const TF_Output& source : sources) {
          any = any || IsNarrow(source);
          all = all && TF_OperationOutputType(source) != TF_FLOAT;
        }
        all = all && any;
      }
      for (int input : rule.leading) all = all && IsNarrow(sources.at(input));
      return all && HasBfloat16Kernel(name);
    }
    case Treatment::kSum: {
      if (sources.size() != 2 || !IsNarrow(sources[0]) || !IsNarrow(sources[1])) return false;
      const std::vector<int64_t> shape = Shape(sources[0], name.c_str());
      return shape.size() > 2 && shape == Shape(sources[1], name.c_str()) && HasBfloat16Kernel(name);
    }
  }
  return false;
}

bool Capture::IsLarge(TF_Output output, const char* name) {
  int64_t bytes = static_cast<int64_t>(TF_DataTypeSize(TF_OperationOutputType(output)));
  for (int64_t side : Shape(output, name)) bytes *= side;
  return bytes >= kLarge;
}

std::vector<int64_t> Capture::Shape(TF_Output output, const char* name) {
  Status status;
  const int rank = TF_GraphGetTensorNumDims(graph_, output, status);
  status.Check();
  // A scratch output that only the operation's gradient reads.
  if (rank < 0 && std::strncmp(name, "FusedBatchNorm", 14) == 0 && output.index == 5) return {0};
  std::vector<int64_t> shape(std::max(rank, 0));
  if (rank > 0) TF_GraphGetTensorShape(graph_, output, shape.data(), rank, status);
  status.Check();
  bool known = rank >= 0;
  for (int64_t side : shape) known = known && side >= 0;
  if (!known)
    throw Failure(std::string(name) + " has a result whose shape depends on values, which compiled steps do not support");
  return shape;
}

// In the C API an operation's shape function cannot read integer attributes. EnsureShape sets the shape of views instead.
TF_Output Capture::SizedViews(TF_Operation* views) {
  Status status;
  int64_t size = 0;
  TF_OperationGetAttrInt(views, "size", &size, status);
  status.Check();
  const std::vector<int64_t> images = Shape(TF_OperationInput({views, 0}), kViews);
  const std::vector<int64_t> parameters = Shape(TF_OperationInput({views, 1}), kViews);
  const int64_t shape[4] = {parameters.at(0), size, size, images.at(3)};
  TF_OperationDescription* description = New("EnsureShape");
  TF_AddInput(description, {views, 0});
  Mix({views, 0});
  Mix(shape, sizeof(shape));
  TF_SetAttrShape(description, "shape", shape, 4);
  return Done(description, "EnsureShape");
}

// Sets the shape of a result of our convolutions, which have it as an attribute.
void Capture::SetShape(TF_Operation* convolution) {
  Status status;
  int64_t shape[4];
  TF_OperationGetAttrIntList(convolution, "shape", shape, 4, status);
  if (status.ok()) TF_GraphSetTensorShape(graph_, {convolution, 0}, shape, 4, status);
  status.Check();
}

void Capture::Answer(TF_Output output, const std::vector<int64_t>& shape, size_t at) {
  int32_t* facts = engine_.Room(at + 3 + shape.size()) + at;
  facts[0] = engine_.Add(output, number);
  facts[1] = IsNarrow(output) ? TF_FLOAT : TF_OperationOutputType(output);  // JavaScript sees bfloat16 as float32
  facts[2] = static_cast<int32_t>(shape.size());
  for (size_t axis = 0; axis < shape.size(); ++axis) facts[3 + axis] = static_cast<int32_t>(shape[axis]);
}

void Capture::Operation(const Definition& definition, int32_t inputs, int32_t outputs) {
  const std::string& name = definition.name;
  const std::vector<int>& arguments = Arguments(name);
  std::vector<TF_Output> sources(inputs);
  for (int32_t i = 0; i < inputs; ++i) sources[i] = Input(engine_.Numbers(inputs)[i]);
  int lists = 0, singles = 0;
  for (int takes : arguments) takes == 0 ? ++lists : ++singles;
  if (lists > 1 || (lists == 0 && singles != inputs) || singles > inputs)
    throw Failure(name + " does not accept " + std::to_string(inputs) + " inputs");

  if (name == "Cast" && inputs == 1 && ToFloat(definition) &&
      (TF_OperationOutputType(sources[0]) == TF_FLOAT || IsNarrow(sources[0]))) {
    // A cast to the type that JavaScript sees already. TensorFlow.js' gradient of a clone does this.
    Answer(sources[0], Shape(sources[0], name.c_str()), 0);
    return;
  }
  const Rule& rule = RuleOf(name);
  const bool narrow = ComputesInBfloat16(rule, definition, sources);
  const bool product = rule.treatment == Treatment::kProduct || rule.treatment == Treatment::kFilter;
  const bool emulated = narrow && product && Emulates(name);
  const bool of_network =
      std::any_of(sources.begin(), sources.end(), [this](TF_Output source) { return OfNetwork(source); });
  for (int32_t i = 0; i < inputs; ++i) {
    TF_Output& source = sources[i];
    const auto& converted = rule.converted;
    if (narrow && TF_OperationOutputType(source) == TF_FLOAT &&
        (product || std::find(converted.begin(), converted.end(), i) != converted.end()))
      source = Narrow(source);
    if (IsNarrow(source) && (!narrow || emulated)) source = Widen(source);
  }
  names_.insert(name);
  TF_OperationDescription* description = New(name.c_str());
  for (const TF_Output& source : sources) Mix(source);
  for (const Attribute& attribute : definition.attributes) Mix(attribute);
  const char types[] = {narrow, emulated};
  Mix(types, sizeof(types));
  size_t next = 0;
  for (int takes : arguments) {
    if (takes == 1) {
      TF_AddInput(description, sources[next++]);
    } else {
      const int count = inputs - singles;
      TF_AddInputList(description, sources.data() + next, count);
      next += count;
    }
  }
  if (narrow && !emulated) {
    SetAttributes(definition.attributes, Bfloat16Attributes{{description}});
  } else {
    SetAttributes(definition.attributes, GraphAttributes{description});
  }
  bool large = false, follows = last_large_ == nullptr;
  for (const TF_Output& source : sources) {
    large = large || IsLarge(source, name.c_str());
    follows = follows || source.oper == last_large_;
  }
  // Run operations on large tensors in program order. Otherwise TensorFlow starts all that are ready, and blocks that the
  // program computes one at a time to save memory are all in memory at once.
  if (large && !follows && !definition.unordered) {
    TF_AddControlInput(description, last_large_);
    Mix({last_large_, -1});
  }
  TF_Operation* operation = Done(description, name.c_str()).oper;
  if (!definition.shape.empty()) {
    Status status;
    TF_GraphSetTensorShape(graph_, {operation, 0}, definition.shape.data(), static_cast<int>(definition.shape.size()), status);
    status.Check();
  }
  if (name.compare(0, sizeof(kConvolution) - 1, kConvolution) == 0) SetShape(operation);
  if (outputs > TF_OperationNumOutputs(operation))
    throw Failure(name + " has fewer than " + std::to_string(outputs) + " outputs");
  size_t at = 0;
  for (int i = 0; i < outputs; ++i) {
    TF_Output output = name == kViews ? SizedViews(operation) : TF_Output{operation, i};
    if (emulated && (rule.treatment == Treatment::kProduct || name == "Conv2DBackpropFilter")) output = Narrow(output);
    if (rule.treatment == Treatment::kFilter) output = Widen(output);
    if (of_network) of_network_.insert({output.oper, output.index});
    const std::vector<int64_t> shape = Shape(output, name.c_str());
    large = large || IsLarge(output, name.c_str());
    Answer(output, shape, at);
    at += 3 + shape.size();
  }
  if (large && !definition.unordered) last_large_ = operation;
}

TF_Output Capture::Const(TF_Tensor* tensor) {
  TF_OperationDescription* description = New("Const");
  Status status;
  TF_SetAttrType(description, "dtype", TF_TensorType(tensor));
  TF_SetAttrTensor(description, "value", tensor, status);
  const int32_t facts[] = {TF_TensorType(tensor), TF_NumDims(tensor)};
  Mix(facts, sizeof(facts));
  for (int axis = 0; axis < TF_NumDims(tensor); ++axis) {
    const int64_t side = TF_Dim(tensor, axis);
    Mix(&side, sizeof(side));
  }
  if (TF_TensorType(tensor) != TF_STRING) {
    Mix(TF_TensorData(tensor), TF_TensorByteSize(tensor));
  } else {
    const auto* strings = static_cast<const TF_TString*>(TF_TensorData(tensor));
    for (int64_t i = 0; i < TF_TensorElementCount(tensor); ++i)
      Mix(std::string(TF_TString_GetDataPointer(strings + i), TF_TString_GetSize(strings + i)));
  }
  const TF_Output output = Done(description, "Const");
  status.Check();
  return output;
}

TF_Output Capture::Cast(TF_Output value, TF_DataType type) {
  TF_OperationDescription* description = New("Cast");
  TF_AddInput(description, value);
  TF_SetAttrType(description, "DstT", type);
  Mix(value);
  Mix(&type, sizeof(type));
  return Done(description, "Cast");
}

TF_Output Capture::Narrow(TF_Output value) {
  const Place place{value.oper, value.index};
  const auto found = narrowed_.find(place);
  if (found != narrowed_.end()) return found->second;
  return narrowed_[place] = Cast(value, TF_BFLOAT16);
}

TF_Output Capture::Widen(TF_Output value) {
  if (!IsNarrow(value)) return value;
  const Place place{value.oper, value.index};
  const auto found = widened_.find(place);
  if (found != widened_.end()) return found->second;
  return widened_[place] = Cast(value, TF_FLOAT);
}

int32_t Capture::Constant(TF_Tensor* tensor) {
  const TF_DataType type = TF_TensorType(tensor);
  const size_t bytes = TF_TensorByteSize(tensor), width = TF_DataTypeSize(type);
  const auto* data = static_cast<const char*>(TF_TensorData(tensor));
  if (width == 0 || bytes <= 16 * width) return engine_.Add(Const(tensor), number);
  // All values are equal (zeros, ones, a fill): the device creates the constant in each run.
  if (std::memcmp(data, data + width, bytes - width) == 0) {
    const int32_t rank = TF_NumDims(tensor);
    const int64_t ranks[1] = {rank};
    Tensor shape(TF_AllocateTensor(TF_INT32, ranks, 1, rank * sizeof(int32_t)));
    for (int axis = 0; axis < rank; ++axis)
      static_cast<int32_t*>(TF_TensorData(shape.get()))[axis] = static_cast<int32_t>(TF_Dim(tensor, axis));
    Tensor value(TF_AllocateTensor(type, nullptr, 0, width));
    std::memcpy(TF_TensorData(value.get()), data, width);
    const TF_Output dims = Const(shape.get()), scalar = Const(value.get());
    TF_OperationDescription* description = New("Fill");
    TF_AddInput(description, dims);
    TF_AddInput(description, scalar);
    Mix(dims);
    Mix(scalar);
    return engine_.Add(Done(description, "Fill"), number);
  }
  if (bytes > largest_constant_)
    throw Failure("the step creates a constant of " + std::to_string(bytes / width) +
                  " values on the host; compute it with device operations, pass it as an argument, or create it once "
                  "before the step");
  return engine_.Add(Const(tensor), number);
}

bool Capture::XlaHasAll() const {
  const std::string device = engine_.gpu ? "XLA_GPU_JIT" : "XLA_CPU_JIT";
  return std::all_of(names_.begin(), names_.end(), [&](const std::string& name) {
    Status status;
    TF_Buffer* kernels = TF_GetRegisteredKernelsForOp(name.c_str(), status);
    status.Check();
    const std::string known(static_cast<const char*>(kernels->data), kernels->length);
    TF_DeleteBuffer(kernels);
    return known.find(device) != std::string::npos;
  });
}

std::vector<std::string> Capture::Describe() const {
  std::vector<std::string> lines;
  size_t position = 0;
  while (TF_Operation* operation = TF_GraphNextOperation(graph_, &position)) {
    std::string line = TF_OperationOpType(operation);
    if (TF_OperationNumOutputs(operation) > 0) {
      const TF_Output output{operation, 0};
      const TF_DataType type = TF_OperationOutputType(output);
      line += type == TF_FLOAT      ? " float32 ["
              : type == TF_BFLOAT16 ? " bfloat16 ["
                                    : " type " + std::to_string(type) + " [";
      Status status;
      std::vector<int64_t> shape(std::max(0, TF_GraphGetTensorNumDims(graph_, output, status)));
      if (status.ok() && !shape.empty())
        TF_GraphGetTensorShape(graph_, output, shape.data(), static_cast<int>(shape.size()), status);
      for (size_t axis = 0; axis < shape.size(); ++axis) line += (axis ? "," : "") + std::to_string(shape[axis]);
      line += "]";
    }
    lines.push_back(line);
  }
  return lines;
}

int32_t Capture::Finish(int32_t outputs, bool xla) {
  std::vector<TF_Output> results(outputs);
  for (int32_t i = 0; i < outputs; ++i) {
    // Identity, because a function's output must not be its input.
    const TF_Output result = Widen(Input(engine_.Numbers(outputs)[i]));
    TF_OperationDescription* description = New("Identity");
    TF_AddInput(description, result);
    Mix(result);
    results[i] = Done(description, "Identity");
  }
  Mix(&xla, sizeof(xla));
  char hex[33];
  std::snprintf(hex, sizeof(hex), "%016llx%016llx", static_cast<unsigned long long>(hash_[0]),
                static_cast<unsigned long long>(hash_[1]));
  const std::string base = std::string("selfsup_step_") + hex;
  engine_.captured = base;
  for (int copy = 2; engine_.functions.count(engine_.captured); ++copy)
    engine_.captured = base + "_" + std::to_string(copy);
  const char* name = engine_.Name(engine_.captured);
  Status status;
  TF_Function* function =
      TF_GraphToFunction(graph_, name, 0, -1, nullptr, static_cast<int>(placeholders_.size()), placeholders_.data(),
                         outputs, results.data(), nullptr, nullptr, nullptr, status);
  status.Check();
  if (xla) {
    static const char yes[] = "\x28\x01";  // AttrValue { b: true }
    TF_FunctionSetAttrValueProto(function, "_XlaMustCompile", yes, sizeof(yes) - 1, status);
  }
  if (status.ok()) TFE_ContextAddFunction(engine_.context, function, status);
  TF_DeleteFunction(function);
  status.Check();
  engine_.functions.insert(name);
  if (last_large_) engine_.large.insert(name);
  int32_t* ids = engine_.Room(ids_.size());
  for (size_t i = 0; i < ids_.size(); ++i) ids[i] = ids_[i];
  return static_cast<int32_t>(ids_.size());
}

// beginCapture(largestConstant, precision, xla, weights): starts capturing operations. Takes the maximum size of a constant
// in bytes, a Precision, whether XLA compiles the step, and how many weight numbers the exchange holds.
napi_value BeginCapture(Call& call) {
  Engine& engine = call.engine();
  if (engine.capture) throw Failure("a step is already being captured");
  const int32_t count = call.Int(3);
  const int32_t* numbers = engine.Numbers(count);
  engine.capture =
      std::make_unique<Capture>(engine, ++engine.captures, call.Int(size_t{0}), static_cast<Precision>(call.Int(1)),
                                call.Bool(call.arguments[2]), std::unordered_set<int32_t>(numbers, numbers + count));
  return nullptr;
}

// describeCapture(): returns the nodes of the step that is being captured, as text.
napi_value DescribeCapture(Call& call) {
  Engine& engine = call.engine();
  if (!engine.capture) throw Failure("no step is being captured");
  const std::vector<std::string> lines = engine.capture->Describe();
  napi_value array;
  Check(napi_create_array_with_length(call.env, lines.size(), &array), "an array");
  for (size_t i = 0; i < lines.size(); ++i) {
    napi_value text;
    napi_create_string_utf8(call.env, lines[i].c_str(), lines[i].size(), &text);
    napi_set_element(call.env, array, static_cast<uint32_t>(i), text);
  }
  return array;
}

// endCapture(outputs, xla, wholly): creates the function and returns how many inputs it takes; the exchange holds
// their numbers. With `xla` and `wholly`, if XLA does not support all operations: returns -1 and creates no function.
napi_value EndCapture(Call& call) {
  Engine& engine = call.engine();
  if (!engine.capture) throw Failure("no step is being captured");
  const std::unique_ptr<Capture> capture = std::move(engine.capture);
  const bool xla = call.Bool(call.arguments[1]);
  if (xla && call.Bool(call.arguments[2]) && !capture->XlaHasAll()) return call.Number(-1);
  return call.Number(capture->Finish(call.Int(size_t{0}), xla));
}

// capturedName(): the name of the function that `endCapture` created.
napi_value CapturedName(Call& call) {
  const std::string& name = call.engine().captured;
  napi_value text;
  Check(napi_create_string_utf8(call.env, name.c_str(), name.size(), &text), "a name");
  return text;
}

napi_value AbortCapture(Call& call) {
  call.engine().capture.reset();
  return nullptr;
}

napi_value RemoveFunction(Call& call) {
  Engine& engine = call.engine();
  Status status;
  TFE_ExecutorWaitForAllPendingNodes(engine.queue, status);  // reading a step's values reports its error
  Status removed;
  const std::string name = call.Text(call.arguments[0]);
  engine.large.erase(name);
  engine.functions.erase(name);
  TFE_ContextRemoveFunction(engine.context, name.c_str(), removed);
  removed.Check();
  return nullptr;
}

}  // namespace selfsup
