// A minimal reader for TensorFlow's serialized protocol buffers.
#pragma once

#include <cstdint>
#include <string>

namespace selfsup {

// Iterates over the fields of one message.
class ProtoReader {
 public:
  ProtoReader(const void* data, size_t size)
      : at_(static_cast<const uint8_t*>(data)), end_(static_cast<const uint8_t*>(data) + size) {}

  // Moves to the next field. Returns false at the end.
  bool Next() {
    if (at_ >= end_) return false;
    const uint64_t tag = Varint();
    field_ = static_cast<int>(tag >> 3);
    number_ = 0;
    length_ = 0;
    switch (tag & 7) {
      case 0: number_ = Varint(); break;
      case 1: at_ += 8; break;
      case 2:
        length_ = Varint();
        bytes_ = at_;
        at_ += length_;
        break;
      default: at_ += 4;
    }
    return at_ <= end_;
  }

  int field() const { return field_; }
  uint64_t number() const { return number_; }  // value of a varint field
  ProtoReader message() const { return {bytes_, length_}; }
  std::string text() const { return {reinterpret_cast<const char*>(bytes_), length_}; }

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; at_ < end_ && shift < 64; shift += 7) {
      value |= static_cast<uint64_t>(*at_ & 127) << shift;
      if (!(*at_++ & 128)) break;
    }
    return value;
  }
  bool done() const { return at_ >= end_; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
  const uint8_t* bytes_ = nullptr;
  size_t length_ = 0;
  int field_ = 0;
  uint64_t number_ = 0;
};

}  // namespace selfsup
