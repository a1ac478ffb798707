// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "trainer/caching_backend.h"
#ifdef ATTUNE_WITH_LLAMA
#include "trainer/llama_backend.h"
#endif
#include "trainer/openai_backend.h"

namespace attune::trainer {
namespace {

// Declares --<name>, which ATTUNE_TRAINER_<NAME> can set too.
template <typename T>
CLI::Option* Flag(CLI::App& command, const std::string& name, T& value,
                  const std::string& description) {
  std::string variable = "ATTUNE_TRAINER_";
  for (const char c : name) {
    variable += c == '-' ? '_' : static_cast<char>(std::toupper(c));
  }
  return command.add_option("--" + name, value, description)
      ->envname(variable)
      ->capture_default_str();
}

absl::Status Missing(const char* flag, const std::string& backend) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, " is needed by --backend ", backend));
}

absl::StatusOr<std::unique_ptr<LlmBackend>> MakeLlama(
    const BackendFlags& flags) {
#ifdef ATTUNE_WITH_LLAMA
  if (flags.model.empty()) return Missing("model", "llama");
  return LlamaBackend::Create({.model_path = flags.model,
                               .requantize_dir = flags.requantize_dir,
                               .threads = flags.threads});
#else
  static_cast<void>(flags);
  return absl::InvalidArgumentError(
      "--backend llama: this build has no llama.cpp (ATTUNE_WITH_LLAMA=OFF)");
#endif
}

absl::StatusOr<std::unique_ptr<LlmBackend>> MakeOpenAi(
    const BackendFlags& flags) {
  if (flags.llm_url.empty()) return Missing("llm-url", "openai");
  if (flags.llm_model.empty()) return Missing("llm-model", "openai");
  return OpenAiBackend::Create({.url = flags.llm_url,
                                .api_key_file = flags.api_key_file,
                                .chat = {.model = flags.llm_model},
                                .http = {.concurrency = flags.concurrency},
                                .token_budget = flags.token_budget});
}

absl::StatusOr<std::unique_ptr<LlmBackend>> MakeBackend(
    const BackendFlags& flags) {
  if (flags.backend == "llama") return MakeLlama(flags);
  if (flags.backend == "openai") return MakeOpenAi(flags);
  return absl::InvalidArgumentError(
      "--backend: must be llama, openai or (train only) sim");
}

}  // namespace

void DataFlags::AddTo(CLI::App& command) {
  Flag(command, "data", dataset.path,
       "RecBole atomic files: DIR/NAME reads DIR/NAME.inter and DIR/NAME.item");
  Flag(command, "data-seed", dataset.seed, "Seed of the split of the users");
  Flag(command, "min-interactions", dataset.min_interactions,
       "Users with fewer interactions are dropped; at least 3");
  Flag(command, "year-in-title", dataset.year_in_title,
       "Whether titles end with the release year");
  Flag(command, "candidates", environment.num_candidates,
       "Candidates of a task, the true item included; 2 to 26");
  Flag(command, "negatives", negatives, "popularity or uniform");
  Flag(command, "history", environment.max_history,
       "Most recent interactions sent as history; 1 to 1000");
}

absl::StatusOr<EnvironmentOptions> DataFlags::Environment() const {
  EnvironmentOptions options = environment;
  if (negatives != "popularity" && negatives != "uniform") {
    return absl::InvalidArgumentError(
        "--negatives: must be popularity or uniform");
  }
  options.negatives = negatives == "uniform" ? NegativeSampling::kUniform
                                             : NegativeSampling::kPopularity;
  return options;
}

void BackendFlags::AddTo(CLI::App& command) {
  Flag(command, "backend", backend, "llama, openai or (train only) sim");
  Flag(command, "model", model, "llama: the GGUF file");
  Flag(
      command, "requantize-dir", requantize_dir,
      "llama: keep and use a copy of the model here with the weights that this "
      "CPU is quickest with");
  Flag(command, "threads", threads,
       "llama: prompts evaluated at a time; 0 is the number of cores");
  Flag(command, "llm-url", llm_url,
       "openai: base URL of the endpoint, for instance "
       "http://localhost:8080/v1");
  Flag(command, "llm-model", llm_model, "openai: name of the model");
  Flag(command, "api-key-file", api_key_file,
       "openai: file that holds the API key");
  Flag(command, "concurrency", concurrency, "openai: requests in flight");
  Flag(command, "token-budget", token_budget,
       "openai: tokens that may be spent; 0 is no limit");
  Flag(command, "reward-cache", reward_cache,
       "SQLite file that keeps answers, so that repeats are free");
}

absl::StatusOr<std::unique_ptr<LlmBackend>> BackendFlags::Make() const {
  ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<LlmBackend> made, MakeBackend(*this));
  if (reward_cache.empty()) return made;
  return CachingBackend::Create(std::move(made), reward_cache);
}

absl::StatusOr<policy::Readout> ParseReadout(const std::string& name) {
  if (name == "generate") return policy::Readout::kGenerate;
  if (name == "labels") return policy::Readout::kLabels;
  if (name == "likelihood") return policy::Readout::kLikelihood;
  return absl::InvalidArgumentError(
      "--readout: must be generate, labels or likelihood");
}

}  // namespace attune::trainer
