// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LLAMA_SESSION_H_
#define ATTUNE_TRAINER_LLAMA_SESSION_H_

// One llama.cpp context: evaluates a prefix once and scores what may follow.
//
// A prefix and its continuations are evaluated in one batch, without the tokens
// that the prefix shares with the one before: about a hundred tokens, where the
// CPU is within a few percent of its best.
//
// Deterministic to the bit on one machine and build: what a prefix and its
// continuations score does not depend on what was evaluated before. llama.cpp's
// kernels treat each token of a batch alike, whatever stands beside it, as long as
// they are the same kernels; those for matrices change at 2 and 8 tokens, that
// for attention at 64. So a batch has at least kMinBatch tokens, filled up with
// tokens that could have been reused, or else is a whole prompt of which nothing is
// reused. Cached tokens have the same places with and without reuse.
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
  // From here on llama.cpp takes its attention kernel for many tokens.
  static constexpr int kMinBatch = 64;

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

  // The same, but a score does not depend on the other continuations either:
  // batches stay below kMinBatch tokens, where attention goes through the cached
  // tokens one by one, or have one continuation.
  absl::StatusOr<std::vector<double>> ScoreApart(
      const LlamaTokens& prefix, absl::Span<const LlamaTokens> continuations);

  // Up to `max_tokens` tokens after `prefix`. `choose` picks a token from
  // logits; the end of generation is not part of the result.
  absl::StatusOr<LlamaTokens> Generate(
      const LlamaTokens& prefix, int max_tokens,
      absl::FunctionRef<int32_t(absl::Span<const float>)> choose);

  // Tokens that were evaluated, and tokens of prefixes that were reused.
  int64_t evaluated_tokens() const { return evaluated_; }
  int64_t reused_tokens() const { return reused_; }

 private:
  struct Batch;
  LlamaSession(const LlamaModel& model, llama_context* context);

  absl::Status Decode(Batch& batch);
  // Fills the batch with what is to be evaluated of `prefix`, of which `sequences`
  // continuations with `following` tokens are going to follow in the same batch.
  // Evaluates at once what does not fit. Returns the last token's index.
  absl::StatusOr<int> QueuePrefix(const LlamaTokens& prefix, int following,
                                  int sequences);
  // Sequences 1 to `sequences` become what sequence 0 is.
  void Share(int sequences);
  // Adds what follows the first token of each to the batch, fills it up to
  // `min_tokens`, evaluates it, and adds the log-probabilities to `scores`. Before
  // that, `decoded` is called; `size` tokens come before the continuations.
  absl::Status ScoreGroup(int size, absl::Span<const LlamaTokens> group,
                          int min_tokens, absl::Span<double> scores,
                          absl::FunctionRef<void()> decoded);
  absl::Span<const float> LogitsAt(int index) const;

  const LlamaModel& model_;
  llama_context* const context_;
  const std::unique_ptr<Batch> batch_;
  // What sequence 0 holds, and the logits after it if Prefill() was the last.
  LlamaTokens prefix_;
  std::vector<float> logits_;
  // How many of them another prefix may reuse.
  int reusable_ = 0;
  int64_t evaluated_ = 0;
  int64_t reused_ = 0;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LLAMA_SESSION_H_
