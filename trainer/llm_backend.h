// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LLM_BACKEND_H_
#define ATTUNE_TRAINER_LLM_BACKEND_H_

// The frozen LLM, as the trainer sees it: rendered prompts in, raw answers out.
// A backend never decodes a ranking (policy/ranking.h does) and never turns a
// fault into an answer.
//
// Implementations: llama_backend.h (in-process), openai_backend.h (HTTP),
// sim_backend.h (simulated users), caching_backend.h (repeats are free),
// remote_backend.h (workers on other machines).

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/ranking.h"
#include "policy/renderer.h"

namespace attune::trainer {

// What an answer cost.
struct Usage {
  // Calls that reached an LLM; 0 if the reward cache answered.
  int64_t llm_calls = 0;
  int64_t prompt_tokens = 0;
  // Of those, what an earlier prompt's beginning saved evaluating. Depends on
  // what was asked before; 0 if the backend does not tell.
  int64_t reused_tokens = 0;
  int64_t answer_tokens = 0;
  double seconds = 0.0;
};

struct LlmRequest {
  const policy::RenderedPrompt* prompt = nullptr;  // must outlive the call
  // Seed of the decoding, if the backend samples.
  uint64_t seed = 0;
  // Only the simulator reads these: which task and options the prompt came
  // from.
  int64_t sim_task = -1;
  std::vector<int> sim_options;
};

struct LlmAnswer {
  // kGenerate: the completion.
  std::string text;
  // kLabels, kLikelihood: one score per displayed position, larger is better.
  // For kLikelihood already minus the prior.
  std::vector<float> displayed_scores;
  Usage usage;
};

class LlmBackend {
 public:
  virtual ~LlmBackend() = default;

  // Answers each request, in order; returns when all are answered or have
  // failed. One result per request. kUnavailable, kDeadlineExceeded,
  // kResourceExhausted (budget) or kDataLoss (an answer that makes no sense)
  // after the backend's own retries; the caller drops and counts such a sample.
  virtual std::vector<absl::StatusOr<LlmAnswer>> Answer(
      absl::Span<const LlmRequest> requests) = 0;

  // Model and decoding settings: part of the reward cache's key and of a
  // revision's training facts. No secrets.
  virtual std::string Identity() const = 0;
  // The same on every machine where such a backend answers alike: without where
  // the LLM is, with all that the answers depend on.
  virtual std::string SharedIdentity() const { return Identity(); }
  // False for the simulator, whose answers are noisy on purpose.
  virtual bool Cacheable() const { return true; }
  // True if answers depend on LlmRequest::seed.
  virtual bool Samples() const { return false; }

  // Counts of its own since it was made, for metrics.jsonl. Called by the
  // thread that called Answer().
  virtual std::vector<std::pair<std::string, double>> Metrics() const {
    return {};
  }
};

// The ranking that `answer` holds. Errors of policy::RankByScore.
absl::StatusOr<policy::Ranking> Decode(const policy::RenderedPrompt& prompt,
                                       const policy::Permutation& permutation,
                                       const LlmAnswer& answer);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LLM_BACKEND_H_
