// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/run_record.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

nlohmann::ordered_json LineOf(const RoundReport& report) {
  nlohmann::ordered_json line = {
      {"kind", "round"},
      {"round", report.totals.round},
      {"rankings", report.totals.rankings},
      {"defaults", report.totals.defaults},
      {"samples", report.samples},
      {"reward", report.reward},
      {"llm_calls", report.totals.llm_calls},
      {"cache_hits", report.totals.cache_hits},
      {"dropped", report.totals.dropped},
      {"partial_parses", report.totals.partial_parses},
      {"failed_parses", report.totals.failed_parses},
      {"prompt_tokens", report.totals.prompt_tokens},
      {"reused_tokens", report.totals.reused_tokens},
      {"answer_tokens", report.totals.answer_tokens},
      {"seconds", report.seconds},
      {"llm_seconds", report.llm_seconds},
      {"learn_seconds", report.learn_seconds},
      {"llm_idle_share", report.llm_idle_share}};
  if (report.gain.has_value()) {
    line["gain"] = report.gain->mean;
    line["gain_low"] = report.gain->low;
    line["gain_high"] = report.gain->high;
  }
  for (const auto& [name, value] : report.backend) line[name] = value;
  for (const auto& [name, value] : report.learner) line[name] = value;
  return line;
}

}  // namespace

std::string RunRecord::MetricsPath() const {
  return absl::StrCat(directory_, "/metrics.jsonl");
}

absl::StatusOr<Progress> RunRecord::Restore(bool resume, Learner& learner) {
  std::optional<Checkpoint> checkpoint;
  if (resume) {
    ATTUNE_ASSIGN_OR_RETURN(checkpoint, LoadCheckpoint(directory_));
  }
  std::error_code error;
  if (!checkpoint.has_value()) {
    std::filesystem::remove(CheckpointPath(directory_), error);
    std::filesystem::remove(MetricsPath(), error);
    return Progress();
  }
  if (checkpoint->fingerprint != fingerprint_) {
    return absl::FailedPreconditionError(absl::StrCat(
        CheckpointPath(directory_),
        ": made with other settings, data or LLM; use another directory, or "
        "start anew without resuming"));
  }
  ATTUNE_RETURN_IF_ERROR(learner.LoadState(checkpoint->learner_state));
  metrics_bytes_ = checkpoint->metrics_bytes;
  saved_round_ = checkpoint->progress.totals.round;
  if (metrics_bytes_ == 0) std::ofstream(MetricsPath(), std::ios::app);
  std::filesystem::resize_file(MetricsPath(), metrics_bytes_, error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat(MetricsPath(), ": cannot be cut to the checkpoint"));
  }
  return std::move(checkpoint->progress);
}

absl::Status RunRecord::Append(const RoundReport& report) {
  std::ofstream file(MetricsPath(), std::ios::app);
  file << LineOf(report).dump() << "\n";
  file.flush();
  if (!file) {
    return absl::ResourceExhaustedError(
        absl::StrCat(MetricsPath(), ": cannot be written"));
  }
  metrics_bytes_ = static_cast<int64_t>(file.tellp());
  return absl::OkStatus();
}

absl::Status RunRecord::Save(const Progress& progress, const Learner& learner) {
  ATTUNE_RETURN_IF_ERROR(
      SaveCheckpoint(directory_, {.fingerprint = fingerprint_,
                                  .progress = progress,
                                  .metrics_bytes = metrics_bytes_,
                                  .learner_state = learner.SaveState()}));
  saved_round_ = progress.totals.round;
  return absl::OkStatus();
}

}  // namespace attune::trainer
