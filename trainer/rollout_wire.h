// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ROLLOUT_WIRE_H_
#define ATTUNE_TRAINER_ROLLOUT_WIRE_H_

// The bytes that a learner and its workers exchange (rollout.proto), as the
// trainer's own types. What is read back asks an LLM for the same as what was
// written: the same readout, roles, texts, titles and seed.
//
// Pure functions; safe to call from any thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/renderer.h"
#include "trainer/llm_backend.h"

namespace attune::trainer {

// Goes up whenever a worker of before would misunderstand.
inline constexpr int kRolloutProtocol = 1;
// Of one request or answer.
inline constexpr size_t kMaxRolloutBytes = size_t{1} << 20;

// What an LLM is, to those who do not have it.
struct LlmFacts {
  std::string llm;  // LlmBackend::SharedIdentity()
  bool cacheable = true;
  bool samples = false;

  bool operator==(const LlmFacts&) const = default;
};
LlmFacts FactsOf(const LlmBackend& backend);

// What a learner wants of its workers.
struct RolloutRun {
  std::string llm;
  // A worker that is not heard of for so long has lost what it took.
  absl::Duration lease;
};

std::string EncodeRun(const RolloutRun& run);
std::string EncodeWorker(const LlmFacts& facts);
// kFailedPrecondition if the other side speaks another protocol; kDataLoss for
// what is no such message.
absl::StatusOr<RolloutRun> DecodeRun(std::string_view bytes);
absl::StatusOr<LlmFacts> DecodeWorker(std::string_view bytes);

// A request that came from elsewhere.
struct RemoteRequest {
  policy::RenderedPrompt prompt;
  uint64_t seed = 0;
  int64_t sim_task = -1;
  std::vector<int> sim_options;

  // Points to `prompt`.
  LlmRequest Ask() const;
};

// kInvalidArgument if it is larger than kMaxRolloutBytes.
absl::StatusOr<std::string> EncodeRequest(const LlmRequest& request);
// kDataLoss for what is no request.
absl::StatusOr<RemoteRequest> DecodeRequest(std::string_view bytes);

// An answer or a fault. One that is too large becomes a fault, kDataLoss.
std::string EncodeAnswer(const absl::StatusOr<LlmAnswer>& answer,
                         const std::string& worker);
// The fault names the worker. kDataLoss for what is no answer.
absl::StatusOr<LlmAnswer> DecodeAnswer(std::string_view bytes);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ROLLOUT_WIRE_H_
