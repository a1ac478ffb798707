// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/checkpoint.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "trainer/files.h"

namespace attune::trainer {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const TrainTotals& totals) {
  return {{"round", totals.round},
          {"rankings", totals.rankings},
          {"cache_hits", totals.cache_hits},
          {"dropped", totals.dropped},
          {"partial_parses", totals.partial_parses},
          {"failed_parses", totals.failed_parses},
          {"llm_calls", totals.llm_calls},
          {"prompt_tokens", totals.prompt_tokens},
          {"answer_tokens", totals.answer_tokens}};
}

TrainTotals ToTotals(const Json& json) {
  return {.round = json.at("round"),
          .rankings = json.at("rankings"),
          .cache_hits = json.at("cache_hits"),
          .dropped = json.at("dropped"),
          .partial_parses = json.at("partial_parses"),
          .failed_parses = json.at("failed_parses"),
          .llm_calls = json.at("llm_calls"),
          .prompt_tokens = json.at("prompt_tokens"),
          .answer_tokens = json.at("answer_tokens")};
}

}  // namespace

std::string CheckpointPath(const std::string& directory) {
  return absl::StrCat(directory, "/checkpoint");
}

absl::Status SaveCheckpoint(const std::string& directory,
                            const Checkpoint& checkpoint) {
  const Json header = {{"format", 1},
                       {"fingerprint", checkpoint.fingerprint},
                       {"totals", ToJson(checkpoint.totals)},
                       {"metrics_bytes", checkpoint.metrics_bytes},
                       {"learner_bytes", checkpoint.learner_state.size()}};
  return WriteFileAtomically(
      CheckpointPath(directory),
      absl::StrCat(header.dump(), "\n", checkpoint.learner_state));
}

absl::StatusOr<std::optional<Checkpoint>> LoadCheckpoint(
    const std::string& directory) {
  absl::StatusOr<std::string> bytes = ReadFile(CheckpointPath(directory));
  if (absl::IsNotFound(bytes.status())) return std::optional<Checkpoint>();
  ATTUNE_RETURN_IF_ERROR(bytes.status());
  const absl::Status broken = absl::DataLossError(absl::StrCat(
      CheckpointPath(directory), ": not a checkpoint of this format"));
  const size_t end = bytes->find('\n');
  if (end == std::string::npos) return broken;
  try {
    const Json header = Json::parse(bytes->begin(), bytes->begin() + end);
    Checkpoint checkpoint{.fingerprint = header.at("fingerprint"),
                          .totals = ToTotals(header.at("totals")),
                          .metrics_bytes = header.at("metrics_bytes"),
                          .learner_state = bytes->substr(end + 1)};
    if (header.at("format") != 1 ||
        header.at("learner_bytes") != checkpoint.learner_state.size()) {
      return broken;
    }
    return std::optional<Checkpoint>(std::move(checkpoint));
  } catch (const nlohmann::json::exception&) {
    return broken;
  }
}

}  // namespace attune::trainer
