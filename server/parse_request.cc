// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/parse_request.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/sanitizer.h"

namespace attune::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Slices this small hold their bytes themselves.
constexpr size_t kInlinedSliceBytes = 64;

std::string FindIn(const Message& message, const FieldDescriptor& field,
                   int index) {
  const auto& reflection = *message.GetReflection();
  const std::string path =
      index < 0 ? field.name() : absl::StrCat(field.name(), "[", index, "]");
  if (field.type() == FieldDescriptor::TYPE_STRING) {
    std::string scratch;
    const std::string& text =
        index < 0 ? reflection.GetStringReference(message, &field, &scratch)
                  : reflection.GetRepeatedStringReference(message, &field,
                                                          index, &scratch);
    return policy::IsValidUtf8(text) ? "" : path;
  }
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return "";
  const std::string inner = FindInvalidUtf8(
      index < 0 ? reflection.GetMessage(message, &field)
                : reflection.GetRepeatedMessage(message, &field, index));
  return inner.empty() ? "" : absl::StrCat(path, ".", inner);
}

}  // namespace

absl::Status NotParsed(const Message& message) {
  // A parse that fails leaves the field that it failed at.
  const std::string path = FindInvalidUtf8(message);
  if (path.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the request is not a ", message.GetTypeName()));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": must be valid UTF-8"));
}

std::string FindInvalidUtf8(const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int size = field->is_repeated()
                         ? message.GetReflection()->FieldSize(message, field)
                         : 0;
    std::string path = field->is_repeated() ? "" : FindIn(message, *field, -1);
    for (int i = 0; i < size && path.empty(); ++i) {
      path = FindIn(message, *field, i);
    }
    if (!path.empty()) return path;
  }
  return "";
}

absl::Status ParseRequest(const grpc::ByteBuffer& bytes, Message* message) {
  grpc::ByteBuffer copy(bytes);
  grpc::ProtoBufferReader reader(&copy);
  if (message->ParseFromZeroCopyStream(&reader)) return absl::OkStatus();
  return NotParsed(*message);
}

absl::Status ParseMessage(std::string_view bytes, Message* message) {
  if (message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::OkStatus();
  }
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
