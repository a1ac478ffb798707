// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "trainer/caching_backend.h"
#include "trainer/files.h"
#include "trainer/flag.h"
#ifdef ATTUNE_WITH_LLAMA
#include "trainer/llama_backend.h"
#endif
#include "trainer/openai_backend.h"

namespace attune::trainer {
namespace {

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

LlmDescription Describe(const BackendFlags& flags) {
  if (flags.workers.given()) {
    return {.operation = "text_completion", .provider = "workers"};
  }
  if (flags.backend == "openai") {
    return DescribeEndpoint(flags.llm_url, flags.llm_model);
  }
  return {.operation = "text_completion",
          .provider = "llama.cpp",
          .model = std::filesystem::path(flags.model).filename().string()};
}

absl::StatusOr<std::unique_ptr<LlmBackend>> MakeBackend(
    const BackendFlags& flags) {
  if (flags.workers.given()) {
    if (!flags.model.empty() || !flags.llm_url.empty()) {
      return absl::InvalidArgumentError(
          "--workers: the LLM is theirs; --model and --llm-url are for them");
    }
    return flags.workers.Make(std::nullopt, "");
  }
  if (flags.backend == "llama") return MakeLlama(flags);
  if (flags.backend == "openai") return MakeOpenAi(flags);
  return absl::InvalidArgumentError(
      "--backend: must be llama, openai or (not for compare) sim");
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
  Flag(command, "targets", dataset.targets,
       "Held-out interactions a user, one a task; 1 to 100");
  Flag(command, "holdout", dataset.holdout,
       "last (by time), or random: for data whose timestamp is a play count")
      ->transform(CLI::CheckedTransformer(std::map<std::string, HoldOut>{
          {"last", HoldOut::kLast}, {"random", HoldOut::kRandom}}))
      ->default_str("last");
  Flag(command, "cold-item-share", dataset.cold_item_share,
       "Share of the train interactions whose items are withheld from "
       "collaborative training; about as many targets are cold; 0 to 0.5");
  Flag(command, "cold-user-share", environment.cold_user_share,
       "Share of the users shown with at most 3 history items; 0 to 1");
  Flag(command, "heavy-user-share", environment.heavy_user_share,
       "Share of the users with the longest histories, who are called heavy");
  Flag(command, "negatives", negatives,
       "popularity, uniform or hard (liked best by item-kNN)");
  Flag(command, "history", environment.max_history,
       "Most recent interactions sent as history; 1 to 1000");
}

absl::StatusOr<EnvironmentOptions> DataFlags::Environment() const {
  EnvironmentOptions options = environment;
  if (negatives == "popularity") {
    options.negatives = NegativeSampling::kPopularity;
  } else if (negatives == "uniform") {
    options.negatives = NegativeSampling::kUniform;
  } else if (negatives == "hard") {
    options.negatives = NegativeSampling::kHard;
  } else {
    return absl::InvalidArgumentError(
        "--negatives: must be popularity, uniform or hard");
  }
  return options;
}

std::string DataFlags::Fingerprint() const {
  return absl::StrCat("split ", dataset.seed, " targets ", dataset.targets,
                      dataset.holdout == HoldOut::kLast ? " last" : " random",
                      " min interactions ", dataset.min_interactions, " year ",
                      dataset.year_in_title, " cold items ",
                      dataset.cold_item_share, " cold users ",
                      environment.cold_user_share, " candidates ",
                      environment.num_candidates, " history ",
                      environment.max_history, " ", negatives, " negatives");
}

void TraceFlags::AddTo(CLI::App& command) {
  Flag(command, "otlp-endpoint", otlp_endpoint,
       "http(s) URL that takes OTLP, for instance http://localhost:4318: each "
       "LLM call has a span");
  Flag(command, "otlp-headers-file", otlp_headers_file,
       "headers for it, \"Name: value\" lines");
  Flag(command, "trace-ratio", trace_ratio,
       "Share of the rounds that have spans; 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
}

absl::StatusOr<std::unique_ptr<LlmBackend>> TraceFlags::Trace(
    std::unique_ptr<LlmBackend> backend, LlmDescription llm) const {
  if (otlp_endpoint.empty()) return backend;
  std::string headers;
  if (!otlp_headers_file.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(headers, ReadFile(otlp_headers_file));
  }
  return ExportTraces(std::move(backend), std::move(llm),
                      {.endpoint = otlp_endpoint,
                       .headers = std::move(headers),
                       .ratio = trace_ratio});
}

void BackendFlags::AddTo(CLI::App& command) {
  AddLlmTo(command);
  Flag(command, "reward-cache", reward_cache,
       "SQLite file that keeps answers, so that repeats are free");
  workers.AddTo(command);
  traces.AddTo(command);
}

void BackendFlags::AddLlmTo(CLI::App& command) {
  Flag(command, "backend", backend,
       "llama, openai or, for simulated users, sim");
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
}

absl::StatusOr<std::unique_ptr<LlmBackend>> BackendFlags::Make() const {
  ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<LlmBackend> made, MakeBackend(*this));
  ATTUNE_ASSIGN_OR_RETURN(made, traces.Trace(std::move(made), Describe(*this)));
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
