// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_RAW_MESSAGE_H_
#define ATTUNE_TESTS_SERVER_RAW_MESSAGE_H_

// Messages of services that there are no stubs of, as bytes.

#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <vector>

namespace attune::server {

inline grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

inline std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  buffer.Dump(&slices);
  std::string bytes;
  for (const auto& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

// Tag, length, text.
inline std::string TextField(int number, const std::string& text) {
  return std::string{static_cast<char>(number << 3 | 2),
                     static_cast<char>(text.size())} +
         text;
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_RAW_MESSAGE_H_
