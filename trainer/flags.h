// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_FLAGS_H_
#define ATTUNE_TRAINER_FLAGS_H_

// Flags that several subcommands share: the data, the candidates and the LLM.
// Each flag can also be set by an environment variable ATTUNE_TRAINER_<FLAG>.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "policy/choice.h"
#include "trainer/dataset.h"
#include "trainer/environment.h"
#include "trainer/llm_backend.h"
#include "trainer/workers_flags.h"

namespace CLI {
class App;
}  // namespace CLI

namespace attune::trainer {

struct DataFlags {
  DatasetOptions dataset;
  EnvironmentOptions environment;
  std::string negatives = "popularity";

  void AddTo(CLI::App& command);
  // The environment's options with `negatives` read. kInvalidArgument if it is
  // none of "uniform", "popularity" and "hard".
  absl::StatusOr<EnvironmentOptions> Environment() const;
  // Everything that the tasks depend on beside the files, for a run that goes
  // on later.
  std::string Fingerprint() const;
};

struct BackendFlags {
  std::string backend = "llama";
  std::string model;
  std::string requantize_dir;
  int threads = 0;
  std::string llm_url;
  std::string llm_model;
  std::string api_key_file;
  int concurrency = 8;
  int64_t token_budget = 0;
  std::string reward_cache;
  WorkersFlags workers;

  void AddTo(CLI::App& command);
  // Only what names the LLM that this process asks.
  void AddLlmTo(CLI::App& command);
  // The backend or the workers, behind the reward cache if one is named. kInvalidArgument
  // names the flag that is missing or wrong. Not for "sim", which needs a
  // world.
  absl::StatusOr<std::unique_ptr<LlmBackend>> Make() const;
};

// "generate", "labels" or "likelihood"; kInvalidArgument otherwise.
absl::StatusOr<policy::Readout> ParseReadout(const std::string& name);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_FLAGS_H_
