// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PARSE_MESSAGE_H_
#define ATTUNE_SERVER_PARSE_MESSAGE_H_

// From the bytes of a message to the message, with an error that says which
// field is wrong. Pure functions; safe to call from any thread.

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace attune::server {

// kInvalidArgument names the field that is not valid UTF-8.
absl::Status ParseMessage(std::string_view bytes,
                          google::protobuf::Message* message);

// Why `message`, which Protobuf could not parse, is not one: kInvalidArgument.
absl::Status NotParsed(const google::protobuf::Message& message);

// Path of the first string field that is not valid UTF-8; empty if there is
// none.
std::string FindInvalidUtf8(const google::protobuf::Message& message);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PARSE_MESSAGE_H_
