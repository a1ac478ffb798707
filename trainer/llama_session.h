// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LLAMA_SESSION_H_
#define ATTUNE_TRAINER_LLAMA_SESSION_H_

// One llama.cpp context: evaluates a prefix once and scores what may follow.
//
// Deterministic to the bit on one machine and build: what a prefix and its
// continuations score does not depend on what was evaluated before. For that,
// prefixes are evaluated in chunks of kChunk tokens, and only whole chunks of
// the previous prefix are reused: every matrix product has the same shape with
// or without reuse.
//
// Not thread-safe; owned by one thread at a time.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "trainer/llama_model.h"

struct llama_context;

namespace attune::trainer {

class LlamaSession {
 public:
  // Tokens of a prefix that are evaluated together.
  static constexpr int kChunk = 32;

  // `context` tokens hold a prefix and all its continuations at once or, if
  // they are too many, some of them at a time. `model` must outlive the
  // session. kInvalidArgument if a size is out of range, kResourceExhausted if
  // there is not enough memory.
  static absl::StatusOr<std::unique_ptr<LlamaSession>> Create(
      const LlamaModel& model, int context, int threads);

  ~LlamaSession();

  // Evaluates `prefix`; reuses what it shares with the previous one. Returns
  // the logits of the token after it, valid until the next call.
  //
  // kInvalidArgument if it is empty or does not fit into the context.
  absl::StatusOr<absl::Span<const float>> Prefill(const LlamaTokens& prefix);

  // log p(continuation | prefix) of each, all in one batch if they fit.
  // kInvalidArgument if one is empty or does not fit after the prefix.
  absl::StatusOr<std::vector<double>> Score(
      const LlamaTokens& prefix, absl::Span<const LlamaTokens> continuations);

  // Up to `max_tokens` tokens after `prefix`. `choose` picks a token from
  // logits; the end of generation is not part of the result.
  absl::StatusOr<LlamaTokens> Generate(
      const LlamaTokens& prefix, int max_tokens,
      absl::FunctionRef<int32_t(absl::Span<const float>)> choose);

  // Tokens of prefixes that were evaluated, and that were reused.
  int64_t evaluated_tokens() const { return evaluated_; }
  int64_t reused_tokens() const { return reused_; }

 private:
  struct Batch;
  LlamaSession(const LlamaModel& model, llama_context* context);

  absl::Status Decode(Batch& batch);
  absl::Status ScoreGroup(const LlamaTokens& prefix,
                          absl::Span<const LlamaTokens> group,
                          absl::Span<double> scores);
  absl::Span<const float> LogitsAt(int index) const;

  const LlamaModel& model_;
  llama_context* const context_;
  const std::unique_ptr<Batch> batch_;
  // What sequence 0 holds, and the logits after it.
  LlamaTokens prefix_;
  std::vector<float> logits_;
  int64_t evaluated_ = 0;
  int64_t reused_ = 0;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LLAMA_SESSION_H_
