// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_MESSAGE_JSON_H_
#define ATTUNE_SERVER_MESSAGE_JSON_H_

// The API's messages as the JSON that the protos give them, with the fields' own
// names. Pure function; safe to call from any thread.

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>
#include <string>

namespace attune::server {

inline nlohmann::ordered_json MessageToJson(
    const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  // Fails for messages with unknown Any types only: there are none.
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  return nlohmann::ordered_json::parse(text, nullptr, false);
}

}  // namespace attune::server

#endif  // ATTUNE_SERVER_MESSAGE_JSON_H_
