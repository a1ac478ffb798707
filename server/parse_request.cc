// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/parse_request.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <vector>

namespace attune::server {
namespace {

using google::protobuf::Message;

// Slices this small hold their bytes themselves.
constexpr size_t kInlinedSliceBytes = 64;

}  // namespace

absl::Status ParseRequest(const grpc::ByteBuffer& bytes, Message* message) {
  grpc::ByteBuffer copy(bytes);
  grpc::ProtoBufferReader reader(&copy);
  if (message->ParseFromZeroCopyStream(&reader)) return absl::OkStatus();
  return NotParsed(*message);
}

std::string_view Flatten(const grpc::ByteBuffer& bytes, std::string* scratch) {
  grpc::Slice slice;
  if (bytes.TrySingleSlice(&slice).ok() && slice.size() > kInlinedSliceBytes) {
    return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
  }
  scratch->clear();
  std::vector<grpc::Slice> slices;
  if (!bytes.Dump(&slices).ok()) return *scratch;
  for (const grpc::Slice& piece : slices) {
    scratch->append(reinterpret_cast<const char*>(piece.begin()), piece.size());
  }
  return *scratch;
}

void FillBuffer(std::string_view bytes, grpc::ByteBuffer* buffer) {
  grpc::Slice slice(bytes.data(), bytes.size());
  *buffer = grpc::ByteBuffer(&slice, 1);
}

absl::Status SerializeResponse(const Message& message,
                               grpc::ByteBuffer* bytes) {
  bool own_buffer = false;
  const grpc::Status status =
      grpc::GenericSerialize<grpc::ProtoBufferWriter, Message>(message, bytes,
                                                               &own_buffer);
  if (status.ok()) return absl::OkStatus();
  return absl::InternalError("the response cannot be serialized");
}

}  // namespace attune::server
