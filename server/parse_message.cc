// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/parse_message.h"

#include <google/protobuf/descriptor.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/sanitizer.h"

namespace attune::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

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

absl::Status ParseMessage(std::string_view bytes, Message* message) {
  if (message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::OkStatus();
  }
  return NotParsed(*message);
}

}  // namespace attune::server
