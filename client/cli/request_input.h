// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_CLI_REQUEST_INPUT_H_
#define ATTUNE_CLIENT_CLI_REQUEST_INPUT_H_

// Turns files and flags into requests.

#include <CLI/CLI.hpp>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attune/v1/prompt_service.pb.h"

namespace attune::client {

// Flags that `prompt` and `preview` share.
struct RequestFlags {
  // File with a request as JSON; "-" is the standard input.
  std::string request_file;
  // "id=title" each.
  std::vector<std::string> history;
  std::vector<std::string> candidates;
  std::string revision;
  // "", "generate", "labels" or "likelihood".
  std::string readout;
  std::optional<uint64_t> seed;
};

// Adds the flags. The items come from a file or from flags, never from both.
void AddRequestFlags(CLI::App& command, RequestFlags& flags);

// Throws CLI::ParseError if neither a file nor items were given.
void RequireItems(const RequestFlags& flags);

// A CLI11 check: "NAME=VALUE" with neither side empty.
CLI::Validator IsPair(const std::string& form);

// Fills `message` from the JSON of the file, if there is one. kInvalidArgument
// names the file.
absl::Status ReadRequestFile(const std::string& path, std::istream& in,
                             google::protobuf::Message& message);

// The items of the flags.
void AddItems(const std::vector<std::string>& pairs,
              google::protobuf::RepeatedPtrField<v1::Item>& items);

// READOUT_UNSPECIFIED for "".
v1::Readout ToReadout(const std::string& name);

// Splits "NAME=VALUE" at the first '='. REQUIRES: IsPair.
std::pair<std::string, std::string> SplitPair(const std::string& pair);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_CLI_REQUEST_INPUT_H_
