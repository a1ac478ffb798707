// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/cli/request_input.h"

#include <google/protobuf/util/json_util.h>

#include <iterator>

#include "absl/strings/str_cat.h"
#include "client/file.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

absl::StatusOr<std::string> ReadInput(const std::string& path,
                                      std::istream& in) {
  if (path != "-") return ReadFile(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

CLI::Validator IsPair(const std::string& form) {
  return CLI::Validator(
      [form](const std::string& value) -> std::string {
        const size_t at = value.find('=');
        const bool good =
            at != std::string::npos && at > 0 && at + 1 < value.size();
        return good ? "" : absl::StrCat("must be ", form);
      },
      form);
}

void AddRequestFlags(CLI::App& command, RequestFlags& flags) {
  CLI::Option* file = command.add_option(
      "--request", flags.request_file,
      "JSON file with the request, as the API's proto has it; - is stdin");
  command
      .add_option("--history", flags.history,
                  "Item the user interacted with, oldest first; repeat it")
      ->allow_extra_args(false)
      ->check(IsPair("ID=TITLE"))
      ->excludes(file);
  command
      .add_option("--candidate", flags.candidates,
                  "Item the LLM shall rank, 2 to 26 of them; repeat it")
      ->allow_extra_args(false)
      ->check(IsPair("ID=TITLE"))
      ->excludes(file);
  command.add_option("--revision", flags.revision,
                     "Revision that shall answer instead of the active one");
  command
      .add_option("--readout", flags.readout,
                  "How the ranking is read; the revision's own by default")
      ->check(CLI::IsMember({"generate", "labels", "likelihood"}));
  command.add_option("--seed", flags.seed,
                     "Seed: the same request gives the same prompt");
}

void RequireItems(const RequestFlags& flags) {
  if (!flags.request_file.empty()) return;
  if (flags.history.empty() || flags.candidates.empty()) {
    throw CLI::RequiredError("--request, or --history and --candidate,");
  }
}

absl::Status ReadRequestFile(const std::string& path, std::istream& in,
                             google::protobuf::Message& message) {
  if (path.empty()) return absl::OkStatus();
  ATTUNE_ASSIGN_OR_RETURN(const std::string json, ReadInput(path, in));
  const auto status =
      google::protobuf::util::JsonStringToMessage(json, &message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      path == "-" ? "stdin" : path,
      ": not the JSON of a request: ", std::string(status.message())));
}

void AddItems(const std::vector<std::string>& pairs,
              google::protobuf::RepeatedPtrField<v1::Item>& items) {
  for (const std::string& pair : pairs) {
    const auto [id, title] = SplitPair(pair);
    v1::Item& item = *items.Add();
    item.set_item_id(id);
    item.set_title(title);
  }
}

v1::Readout ToReadout(const std::string& name) {
  if (name == "generate") return v1::READOUT_GENERATE;
  if (name == "labels") return v1::READOUT_LABELS;
  if (name == "likelihood") return v1::READOUT_LIKELIHOOD;
  return v1::READOUT_UNSPECIFIED;
}

std::pair<std::string, std::string> SplitPair(const std::string& pair) {
  const size_t at = pair.find('=');
  return {pair.substr(0, at), pair.substr(at + 1)};
}

}  // namespace attune::client
