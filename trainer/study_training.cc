// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/study_training.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

double MonotonicSeconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::vector<CurvePoint> ReadCurve(const std::string& directory) {
  std::vector<CurvePoint> points;
  std::ifstream file(absl::StrCat(directory, "/metrics.jsonl"));
  for (std::string line; std::getline(file, line);) {
    const auto json = nlohmann::json::parse(line, /*cb=*/nullptr,
                                            /*allow_exceptions=*/false);
    if (!json.is_object() || json.value("kind", "") != "round") continue;
    if (json.value("samples", 0) == 0) continue;
    points.push_back({.llm_calls = json.value("rankings", int64_t{0}),
                      .reward = json.value("reward", 0.0)});
  }
  return points;
}

absl::StatusOr<TrainedPolicy> TrainForStudy(TrainSetup& setup,
                                            const std::string& learner,
                                            uint64_t seed,
                                            const std::string& directory,
                                            TrainOptions options) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory, ": cannot be created"));
  }
  ExportSettings settings = setup.settings;
  settings.encoder.gru_hidden = GruHidden(options.episode_length);
  settings.facts.set_learner(learner);
  settings.facts.set_seed(seed);
  ATTUNE_ASSIGN_OR_RETURN(NetworkSpec spec, SpecOf(settings, seed));
  ATTUNE_ASSIGN_OR_RETURN(const std::unique_ptr<Learner> made,
                          MakeLearner(learner, std::move(spec)));
  options.seed = seed;
  options.directory = directory;
  options.resume = true;
  options.clock = MonotonicSeconds;
  options.fingerprint = policy::Sha256Hex(absl::StrCat(
      setup.fingerprint, " study ", learner, " ", Describe(options)));
  ATTUNE_ASSIGN_OR_RETURN(TrainResult result,
                          Train(setup.source, *setup.backend, *made,
                                std::move(settings), setup.golden, options));
  TrainedPolicy trained{.llm_calls = result.totals.rankings,
                        .curve = {.method = learner, .seed = seed}};
  trained.curve.points = ReadCurve(directory);
  ATTUNE_ASSIGN_OR_RETURN(trained.revision,
                          policy::Revision::Load(std::move(result.revision)));
  return trained;
}

}  // namespace attune::trainer
