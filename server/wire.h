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

// Of 64 bits.
inline constexpr int kMaxVarintBytes = 10;

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
  bool Next() {
    if (rest_.empty()) return false;
    uint64_t tag = 0;
    if (!Varint(&tag, kMaxLengthBytes)) return false;
    constexpr uint64_t kLargestTag = 0xFFFFFFFF;
    if (tag > kLargestTag || tag < 8) return Fail();
    field_ = static_cast<int>(tag >> 3);
    type_ = static_cast<Type>(tag & 7);
    uint64_t size = 0;
    switch (type_) {
      case Type::kVarint:
        return Varint(&value_);
      case Type::kBytes:
        return Varint(&size, kMaxLengthBytes) && Take(size, &bytes_);
      case Type::kFixed32:
        return NextFixed(4);
      case Type::kFixed64:
        return NextFixed(8);
    }
    return Fail();  // a group, or no type at all
  }
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
  // Of tags and lengths, as Protobuf has it.
  static constexpr int kMaxLengthBytes = 5;

  // Most are one byte.
  bool Varint(uint64_t* value, int max_bytes = kMaxVarintBytes) {
    if (rest_.empty() || static_cast<unsigned char>(rest_.front()) >= 0x80) {
      return LongVarint(value, max_bytes);
    }
    *value = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return true;
  }
  bool Take(size_t size, std::string_view* bytes) {
    if (rest_.size() < size) return Fail();
    *bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool LongVarint(uint64_t* value, int max_bytes);
  bool NextFixed(size_t size);
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
    char bytes[2 * kMaxVarintBytes];
    size_t n = PutTag(field, WireReader::Type::kVarint, bytes);
    n += PutVarint(value, bytes + n);
    out_.append(bytes, n);
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
    char head[2 * kMaxVarintBytes];
    size_t n = PutTag(field, WireReader::Type::kBytes, head);
    n += PutVarint(value.size(), head + n);
    out_.append(head, n);
    out_.append(value);
  }
  // Writes the message whose fields `write()` writes.
  template <typename Write>
  void Message(int field, const Write& write) {
    MessageWithRoom(field, 1, write);
  }
  // The same bytes, quicker if the message has 128 bytes or more: those are not
  // moved to make room for its length.
  template <typename Write>
  void LongMessage(int field, const Write& write) {
    MessageWithRoom(field, 2, write);
  }

 private:
  // These return how many bytes they wrote.
  static size_t PutVarint(uint64_t value, char* to) {
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) {
      to[n++] = static_cast<char>(value | 0x80);
    }
    to[n++] = static_cast<char>(value);
    return n;
  }
  static size_t PutTag(int field, WireReader::Type type, char* to) {
    return PutVarint(
        static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(type), to);
  }
  // With `room` bytes for the length.
  template <typename Write>
  void MessageWithRoom(int field, size_t room, const Write& write) {
    char head[kMaxVarintBytes + 2] = {};
    const size_t n = PutTag(field, WireReader::Type::kBytes, head);
    out_.append(head, n + room);
    const size_t begin = out_.size();
    write();
    EndMessage(begin, room);
  }
  // Puts the length before the body that begins at `begin`, where there is
  // `room`.
  void EndMessage(size_t begin, size_t room);

  std::string& out_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_WIRE_H_
