// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/wire.h"

namespace attune::server {

// Most are one byte.
inline bool WireReader::Varint(uint64_t* value) {
  if (rest_.empty() || static_cast<unsigned char>(rest_.front()) >= 0x80) {
    return LongVarint(value);
  }
  *value = static_cast<unsigned char>(rest_.front());
  rest_.remove_prefix(1);
  return true;
}

bool WireReader::LongVarint(uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return Fail();
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return Fail();
}

inline bool WireReader::Take(size_t size, std::string_view* bytes) {
  if (rest_.size() < size) return Fail();
  *bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

bool WireReader::Next() {
  if (rest_.empty()) return false;
  uint64_t tag = 0;
  if (!Varint(&tag)) return false;
  constexpr uint64_t kLargestTag = 0xFFFFFFFF;
  if (tag > kLargestTag || tag < 8) return Fail();
  field_ = static_cast<int>(tag >> 3);
  type_ = static_cast<Type>(tag & 7);
  uint64_t size = 0;
  switch (type_) {
    case Type::kVarint:
      return Varint(&value_);
    case Type::kBytes:
      return Varint(&size) && Take(size, &bytes_);
    case Type::kFixed32:
    case Type::kFixed64: {
      std::string_view fixed;
      if (!Take(type_ == Type::kFixed32 ? 4 : 8, &fixed)) return false;
      value_ = 0;
      std::memcpy(&value_, fixed.data(), fixed.size());
      return true;
    }
  }
  return Fail();  // a group, or no type at all
}

void WireWriter::Float(int field, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if (bits == 0) return;
  Tag(field, WireReader::Type::kFixed32);
  out_.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
}

void WireWriter::EndMessage(size_t begin) {
  uint64_t size = out_.size() - begin;
  if (size < 0x80) {
    out_[begin - 1] = static_cast<char>(size);
    return;
  }
  char length[10];
  size_t n = 0;
  for (; size >= 0x80; size >>= 7) {
    length[n++] = static_cast<char>(size | 0x80);
  }
  length[n++] = static_cast<char>(size);
  out_[begin - 1] = length[0];
  out_.insert(begin, length + 1, n - 1);
}

}  // namespace attune::server
