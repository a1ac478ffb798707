// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/wire.h"

namespace attune::server {

bool WireReader::LongVarint(uint64_t* value, int max_bytes) {
  *value = 0;
  for (int shift = 0; shift < 7 * max_bytes; shift += 7) {
    if (rest_.empty()) return Fail();
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return Fail();
}

bool WireReader::NextFixed(size_t size) {
  std::string_view fixed;
  if (!Take(size, &fixed)) return false;
  value_ = 0;
  std::memcpy(&value_, fixed.data(), size);
  return true;
}

void WireWriter::Float(int field, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if (bits == 0) return;
  char bytes[kMaxVarintBytes + sizeof(bits)];
  const size_t n = PutTag(field, WireReader::Type::kFixed32, bytes);
  std::memcpy(bytes + n, &bits, sizeof(bits));
  out_.append(bytes, n + sizeof(bits));
}

void WireWriter::EndMessage(size_t begin, size_t room) {
  char length[kMaxVarintBytes];
  const size_t n = PutVarint(out_.size() - begin, length);
  if (n != room)
    out_.replace(begin - room, room, length, n);
  else
    std::memcpy(out_.data() + begin - n, length, n);
}

}  // namespace attune::server
