// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/llama_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "llama.h"
#include "policy/status_macros.h"
#include "trainer/log_softmax.h"

namespace attune::trainer {
namespace {

constexpr int kMaxBatchTokens = 256;
// Sequence 0 holds the prefix, the others the continuations.
constexpr int kMaxSequences = 1 + 50;
constexpr int kMinContext = 64;

}  // namespace

struct LlamaSession::Batch {
  llama_batch batch = llama_batch_init(kMaxBatchTokens, 0, 1);

  ~Batch() { llama_batch_free(batch); }
  // Index of the token in the batch.
  int Add(int32_t token, int position, int sequence, bool output) {
    const int i = batch.n_tokens++;
    batch.token[i] = token;
    batch.pos[i] = position;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = sequence;
    batch.logits[i] = output ? 1 : 0;
    return i;
  }
};

absl::StatusOr<std::unique_ptr<LlamaSession>> LlamaSession::Create(
    const LlamaModel& model, int context, int threads) {
  if (context < kMinContext || context > model.trained_context()) {
    return absl::InvalidArgumentError(
        absl::StrCat("context: must be between ", kMinContext, " and ",
                     model.trained_context(), " tokens (the model's own)"));
  }
  llama_context_params params = llama_context_default_params();
  params.n_ctx = context;
  params.n_batch = kMaxBatchTokens;
  params.n_ubatch = kMaxBatchTokens;
  params.n_seq_max = kMaxSequences;
  params.n_threads = threads;
  params.n_threads_batch = threads;
  params.no_perf = true;
  // One buffer for all sequences: the prefix is shared, not copied.
  params.kv_unified = true;
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_AUTO;
  llama_context* made = llama_init_from_model(model.get(), params);
  if (made == nullptr) {
    return absl::ResourceExhaustedError(
        "llama.cpp: cannot create a context (memory?)");
  }
  return std::unique_ptr<LlamaSession>(new LlamaSession(model, made));
}

LlamaSession::LlamaSession(const LlamaModel& model, llama_context* context)
    : model_(model), context_(context), batch_(std::make_unique<Batch>()) {}

LlamaSession::~LlamaSession() { llama_free(context_); }

absl::Status LlamaSession::Decode(Batch& batch) {
  const int code = llama_decode(context_, batch.batch);
  batch.batch.n_tokens = 0;
  if (code == 0) return absl::OkStatus();
  llama_memory_clear(llama_get_memory(context_), false);
  prefix_.clear();
  return absl::InternalError(
      absl::StrCat("llama.cpp: evaluation failed with code ", code));
}

absl::Span<const float> LlamaSession::LogitsAt(int index) const {
  return {llama_get_logits_ith(context_, index),
          static_cast<size_t>(model_.vocabulary_size())};
}

absl::StatusOr<absl::Span<const float>> LlamaSession::Prefill(
    const LlamaTokens& prefix) {
  const int size = static_cast<int>(prefix.size());
  const int limit = static_cast<int>(llama_n_ctx(context_));
  if (size == 0 || size > limit) {
    return absl::InvalidArgumentError(absl::StrCat(
        "prompt: must have between 1 and ", limit, " tokens (the context)"));
  }
  llama_memory_t memory = llama_get_memory(context_);
  if (prefix == prefix_) {
    reused_ += size;
    llama_memory_seq_rm(memory, 0, size, -1);
    return absl::Span<const float>(logits_);
  }
  const auto common = std::mismatch(prefix.begin(), prefix.end(),
                                    prefix_.begin(), prefix_.end());
  int start = static_cast<int>(common.first - prefix.begin());
  start = std::min(start, size - 1) / kChunk * kChunk;
  if (!llama_memory_seq_rm(memory, 0, start, -1)) {
    llama_memory_clear(memory, false);
    start = 0;
  }
  prefix_.clear();
  reused_ += start;
  evaluated_ += size - start;
  for (int i = start; i < size; ++i) {
    batch_->Add(prefix[i], i, 0, i + 1 == size);
    if ((i + 1) % kChunk == 0 && i + 1 < size) {
      ATTUNE_RETURN_IF_ERROR(Decode(*batch_));
    }
  }
  const int last = batch_->batch.n_tokens - 1;
  ATTUNE_RETURN_IF_ERROR(Decode(*batch_));
  const absl::Span<const float> logits = LogitsAt(last);
  logits_.assign(logits.begin(), logits.end());
  prefix_ = prefix;
  return absl::Span<const float>(logits_);
}

absl::Status LlamaSession::ScoreGroup(const LlamaTokens& prefix,
                                      absl::Span<const LlamaTokens> group,
                                      absl::Span<double> scores) {
  struct Wanted {
    int index;  // in the batch
    size_t continuation;
    int32_t token;  // that follows
  };
  llama_memory_t memory = llama_get_memory(context_);
  std::vector<Wanted> wanted;
  for (size_t k = 0; k < group.size(); ++k) {
    const int sequence = static_cast<int>(k) + 1;
    if (group[k].size() > 1) llama_memory_seq_cp(memory, 0, sequence, -1, -1);
    for (size_t j = 0; j + 1 < group[k].size(); ++j) {
      const int position = static_cast<int>(prefix.size() + j);
      const int index = batch_->Add(group[k][j], position, sequence, true);
      wanted.push_back({index, k, group[k][j + 1]});
    }
  }
  if (wanted.empty()) return absl::OkStatus();
  ATTUNE_RETURN_IF_ERROR(Decode(*batch_));
  for (const Wanted& want : wanted) {
    const absl::Span<const float> logits = LogitsAt(want.index);
    scores[want.continuation] += logits[want.token] - LogSumExp(logits);
  }
  for (size_t k = 0; k < group.size(); ++k) {
    llama_memory_seq_rm(memory, static_cast<int>(k) + 1, -1, -1);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> LlamaSession::Score(
    const LlamaTokens& prefix, absl::Span<const LlamaTokens> continuations) {
  const int context = static_cast<int>(llama_n_ctx(context_));
  const int room =
      std::min(kMaxBatchTokens, context - static_cast<int>(prefix.size()));
  for (const LlamaTokens& continuation : continuations) {
    if (continuation.empty()) {
      return absl::InvalidArgumentError("title: has no token");
    }
    if (static_cast<int>(continuation.size()) - 1 > room) {
      return absl::InvalidArgumentError(absl::StrCat(
          "prompt and title: must have at most ", context,
          " tokens together (the context), a title at most ", kMaxBatchTokens));
    }
  }
  ATTUNE_ASSIGN_OR_RETURN(const absl::Span<const float> logits,
                          Prefill(prefix));
  const double normalizer = LogSumExp(logits);
  std::vector<double> scores;
  for (const LlamaTokens& continuation : continuations) {
    scores.push_back(logits[continuation[0]] - normalizer);
  }
  size_t begin = 0;
  while (begin < continuations.size()) {
    size_t end = begin;
    int used = 0;
    while (end < continuations.size() && end - begin + 1 < kMaxSequences) {
      const int more = static_cast<int>(continuations[end].size()) - 1;
      if (used + more > room) break;
      used += more;
      ++end;
    }
    ATTUNE_RETURN_IF_ERROR(
        ScoreGroup(prefix, continuations.subspan(begin, end - begin),
                   absl::MakeSpan(scores).subspan(begin, end - begin)));
    begin = end;
  }
  return scores;
}

absl::StatusOr<LlamaTokens> LlamaSession::Generate(
    const LlamaTokens& prefix, int max_tokens,
    absl::FunctionRef<int32_t(absl::Span<const float>)> choose) {
  const int context = static_cast<int>(llama_n_ctx(context_));
  const int size = static_cast<int>(prefix.size());
  if (size + max_tokens > context) {
    return absl::InvalidArgumentError(absl::StrCat(
        "prompt: must leave room for ", max_tokens, " tokens of the answer in ",
        context, " tokens (the context)"));
  }
  ATTUNE_ASSIGN_OR_RETURN(absl::Span<const float> logits, Prefill(prefix));
  LlamaTokens out;
  while (static_cast<int>(out.size()) < max_tokens) {
    const int32_t token = choose(logits);
    if (model_.EndsGeneration(token)) break;
    out.push_back(token);
    if (static_cast<int>(out.size()) == max_tokens) break;
    batch_->Add(token, size + static_cast<int>(out.size()) - 1, 0, true);
    ATTUNE_RETURN_IF_ERROR(Decode(*batch_));
    logits = LogitsAt(0);
  }
  // Decoded tokens leave the cache, so that the next prefix finds its own only.
  llama_memory_seq_rm(llama_get_memory(context_), 0, size, -1);
  return out;
}

}  // namespace attune::trainer
