// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_WIRE_H_
#define ATTUNE_SERVER_WIRE_H_

// Reads and writes Protobuf's wire format without messages in between: what a
// request spends in messages (a string object a field, two passes over the
// answer) is more than what it spends in deciding.
//
// Not thread-safe; owned by one thread.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace attune::server {

// Takes the fields of one message apart, in the order in which they come.
//
// Example:
//   WireReader reader(bytes);
//   while (reader.Next()) if (reader.field() == 2) name = reader.bytes();
//   return reader.good();
class WireReader {
 public:
  // Values are those of the wire format.
  enum class Type { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  explicit WireReader(std::string_view message) : rest_(message) {}

  // Reads the next field; false at the end or if the bytes are no message.
  bool Next();
  bool good() const { return good_; }

  int field() const { return field_; }
  Type type() const { return type_; }
  // Of kVarint and the fixed types.
  uint64_t value() const { return value_; }
  // Of kBytes.
  std::string_view bytes() const { return bytes_; }
  float as_float() const {
    const auto bits = static_cast<uint32_t>(value_);
    float number;
    std::memcpy(&number, &bits, sizeof(number));
    return number;
  }

 private:
  bool Varint(uint64_t* value);
  bool LongVarint(uint64_t* value);
  bool Take(size_t size, std::string_view* bytes);
  bool Fail() { return good_ = false; }

  std::string_view rest_;
  bool good_ = true;
  int field_ = 0;
  Type type_ = Type::kVarint;
  uint64_t value_ = 0;
  std::string_view bytes_;
};

// Appends fields to a string. What has the default value is left out, as proto3
// wants it. Like the rest of the program for little-endian machines.
class WireWriter {
 public:
  explicit WireWriter(std::string* out) : out_(*out) {}

  void Number(int field, uint64_t value) {
    if (value != 0) NumberAlways(field, value);
  }
  // Of a oneof or an optional field.
  void NumberAlways(int field, uint64_t value) {
    Tag(field, WireReader::Type::kVarint);
    Varint(value);
  }
  void Float(int field, float value);
  // A repeated field, packed.
  void Floats(int field, absl::Span<const float> values) {
    String(field, {reinterpret_cast<const char*>(values.data()),
                   values.size() * sizeof(float)});
  }
  void String(int field, std::string_view value) {
    if (!value.empty()) Element(field, value);
  }
  // An element of a repeated field: written even if empty.
  void Element(int field, std::string_view value) {
    Tag(field, WireReader::Type::kBytes);
    Varint(value.size());
    out_.append(value);
  }
  // Writes the message whose fields `write()` writes.
  template <typename Write>
  void Message(int field, const Write& write) {
    Tag(field, WireReader::Type::kBytes);
    const size_t begin = out_.size() + 1;
    out_.push_back('\0');
    write();
    EndMessage(begin);
  }

 private:
  void Tag(int field, WireReader::Type type) {
    Varint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(type));
  }
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
      out_.push_back(static_cast<char>(value | 0x80));
    }
    out_.push_back(static_cast<char>(value));
  }
  // Puts the length before the body that begins at `begin`.
  void EndMessage(size_t begin);

  std::string& out_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_WIRE_H_
