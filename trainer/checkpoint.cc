// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/checkpoint.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "trainer/files.h"

namespace attune::trainer {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 3;

Json ToJson(const TrainTotals& totals) {
  return {{"round", totals.round},
          {"rankings", totals.rankings},
          {"defaults", totals.defaults},
          {"cache_hits", totals.cache_hits},
          {"dropped", totals.dropped},
          {"partial_parses", totals.partial_parses},
          {"failed_parses", totals.failed_parses},
          {"llm_calls", totals.llm_calls},
          {"prompt_tokens", totals.prompt_tokens},
          {"reused_tokens", totals.reused_tokens},
          {"answer_tokens", totals.answer_tokens}};
}

TrainTotals ToTotals(const Json& json) {
  TrainTotals totals;
  totals.round = json.at("round");
  totals.rankings = json.at("rankings");
  totals.defaults = json.at("defaults");
  totals.cache_hits = json.at("cache_hits");
  totals.dropped = json.at("dropped");
  totals.partial_parses = json.at("partial_parses");
  totals.failed_parses = json.at("failed_parses");
  totals.llm_calls = json.at("llm_calls");
  totals.prompt_tokens = json.at("prompt_tokens");
  totals.reused_tokens = json.at("reused_tokens");
  totals.answer_tokens = json.at("answer_tokens");
  return totals;
}

// JSON has no NaN: null stands for it. Other floats keep every bit.
Json ToJson(float value) {
  return std::isnan(value) ? Json(nullptr) : Json(value);
}

float ToFloat(const Json& json) {
  return json.is_null() ? std::numeric_limits<float>::quiet_NaN()
                        : json.get<float>();
}

Json ToJson(const Eigen::VectorXf& vector) {
  return std::vector<float>(vector.data(), vector.data() + vector.size());
}

Eigen::VectorXf ToVector(const Json& json) {
  const auto values = json.get<std::vector<float>>();
  return Eigen::Map<const Eigen::VectorXf>(
      values.data(), static_cast<Eigen::Index>(values.size()));
}

Json ToJson(const Sample& sample) {
  return {{"state", ToJson(sample.state)},
          {"next_state", ToJson(sample.next_state)},
          {"options", sample.options},
          {"probabilities", sample.probabilities},
          {"reward", sample.reward},
          {"smoothed_reward", ToJson(sample.smoothed_reward)},
          {"ease", sample.ease},
          {"group", sample.group},
          {"default_reward", ToJson(sample.default_reward)}};
}

Sample ToSample(const Json& json) {
  return {.state = ToVector(json.at("state")),
          .next_state = ToVector(json.at("next_state")),
          .options = json.at("options"),
          .probabilities = json.at("probabilities"),
          .reward = json.at("reward"),
          .smoothed_reward = ToFloat(json.at("smoothed_reward")),
          .ease = json.at("ease"),
          .group = json.at("group"),
          .default_reward = ToFloat(json.at("default_reward"))};
}

Json ToJson(const Progress& progress) {
  Json json = {{"totals", ToJson(progress.totals)},
               {"stream", progress.cursor.stream},
               {"pool", progress.cursor.pool},
               {"learned_rounds", progress.learned_rounds},
               {"lost", progress.lost},
               {"pending", Json::array()},
               {"defaults", Json::array()}};
  for (const Sample& sample : progress.pending) {
    json["pending"].push_back(ToJson(sample));
  }
  for (const auto& [id, reward] : progress.defaults) {
    json["defaults"].push_back(
        Json::array({id.user, id.draw, id.ordinal, ToJson(reward)}));
  }
  return json;
}

Progress ToProgress(const Json& json) {
  Progress progress{
      .totals = ToTotals(json.at("totals")),
      .cursor = {.stream = json.at("stream"), .pool = json.at("pool")},
      .learned_rounds = json.at("learned_rounds"),
      .lost = json.at("lost")};
  for (const Json& sample : json.at("pending")) {
    progress.pending.push_back(ToSample(sample));
  }
  for (const Json& entry : json.at("defaults")) {
    progress.defaults[{
        .user = entry.at(0), .draw = entry.at(1), .ordinal = entry.at(2)}] =
        ToFloat(entry.at(3));
  }
  return progress;
}

}  // namespace

std::string CheckpointPath(const std::string& directory) {
  return absl::StrCat(directory, "/checkpoint");
}

absl::Status SaveCheckpoint(const std::string& directory,
                            const Checkpoint& checkpoint) {
  const Json header = {{"format", kFormat},
                       {"fingerprint", checkpoint.fingerprint},
                       {"progress", ToJson(checkpoint.progress)},
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
                          .progress = ToProgress(header.at("progress")),
                          .metrics_bytes = header.at("metrics_bytes"),
                          .learner_state = bytes->substr(end + 1)};
    if (header.at("format") != kFormat ||
        header.at("learner_bytes") != checkpoint.learner_state.size()) {
      return broken;
    }
    return std::optional<Checkpoint>(std::move(checkpoint));
  } catch (const nlohmann::json::exception&) {
    return broken;
  }
}

}  // namespace attune::trainer
