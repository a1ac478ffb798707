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

// Continuations of one batch, and with the rest of their prefix.
constexpr int kMaxFollowing = 256;
constexpr int kMaxBatchTokens = kMaxFollowing + LlamaSession::kMinBatch;
// Sequence 0 holds the prefix, then come the continuations and one that is spare.
constexpr int kMaxGroup = 50;
constexpr int kMaxSequences = kMaxGroup + 2;
constexpr int kMinContext = 64;
// Products with fewer rows take another kernel, for some formats of weights.
constexpr int kMinRows = 8;

// Where the group ends that starts at `begin`: one continuation, or several with
// at most `room` tokens after their first ones.
size_t GroupEnd(absl::Span<const LlamaTokens> continuations, size_t begin,
                int room) {
  size_t end = begin;
  int used = 0;
  while (end < continuations.size() && end - begin < kMaxGroup) {
    used += static_cast<int>(continuations[end].size()) - 1;
    if (used > room && end > begin) break;
    ++end;
  }
  return end;
}

int TokensAfterFirst(absl::Span<const LlamaTokens> group) {
  int sum = 0;
  for (const LlamaTokens& tokens : group) {
    sum += static_cast<int>(tokens.size()) - 1;
  }
  return sum;
}

// Adds the log-probability of each one's first token.
void AddFirstTokens(absl::Span<const float> logits,
                    absl::Span<const LlamaTokens> continuations,
                    absl::Span<double> scores) {
  const double normalizer = LogSumExp(logits);
  for (size_t k = 0; k < continuations.size(); ++k) {
    scores[k] += logits[continuations[k][0]] - normalizer;
  }
}

absl::Status CheckContinuations(absl::Span<const LlamaTokens> continuations,
                                int context, int room, int limit) {
  for (const LlamaTokens& continuation : continuations) {
    if (continuation.empty()) {
      return absl::InvalidArgumentError("title: has no token");
    }
    if (static_cast<int>(continuation.size()) - 1 > room) {
      return absl::InvalidArgumentError(absl::StrCat(
          "prompt and title: must have at most ", context,
          " tokens together (the context), a title at most ", limit));
    }
  }
  return absl::OkStatus();
}

}  // namespace

struct LlamaSession::Batch {
  llama_batch batch = llama_batch_init(kMaxBatchTokens, 0, kMaxSequences);

  ~Batch() { llama_batch_free(batch); }
  // The token belongs to the sequences from `first` to `last`. Returns its index
  // in the batch.
  int Add(int32_t token, int position, int first, int last, bool output) {
    const int i = batch.n_tokens++;
    batch.token[i] = token;
    batch.pos[i] = position;
    batch.n_seq_id[i] = last - first + 1;
    for (int s = first; s <= last; ++s) batch.seq_id[i][s - first] = s;
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
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
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
  evaluated_ += batch.batch.n_tokens;
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

absl::StatusOr<int> LlamaSession::QueuePrefix(const LlamaTokens& prefix,
                                              int following, int sequences) {
  const int size = static_cast<int>(prefix.size());
  const int limit = static_cast<int>(llama_n_ctx(context_));
  if (size == 0 || size > limit) {
    return absl::InvalidArgumentError(absl::StrCat(
        "prompt: must have between 1 and ", limit, " tokens (the context)"));
  }
  const auto common = std::mismatch(prefix.begin(), prefix.end(),
                                    prefix_.begin(), prefix_.end());
  const int most = std::min(
      {static_cast<int>(common.first - prefix.begin()), reusable_, size - 1});
  int at = std::clamp(size + following - kMinBatch, 0, most);
  llama_memory_t memory = llama_get_memory(context_);
  if (!llama_memory_seq_rm(memory, 0, at, -1)) {
    llama_memory_clear(memory, false);
    at = 0;
  }
  prefix_.assign(prefix.begin(), prefix.begin() + at);
  reusable_ = size - at + following < kMinBatch ? 0 : size;
  logits_.clear();
  reused_ += at;
  // What is evaluated first leaves the last batch full, and has enough itself.
  int before = size - at - (kMaxBatchTokens - following);
  if (before > 0) before = std::max(before, kMinBatch);
  while (before > 0) {
    const int batches = (before + kMaxBatchTokens - 1) / kMaxBatchTokens;
    const int count = (before + batches - 1) / batches;
    for (int i = 0; i < count; ++i, ++at) {
      batch_->Add(prefix[at], at, 0, 0, false);
    }
    ATTUNE_RETURN_IF_ERROR(Decode(*batch_));
    before -= count;
  }
  Share(sequences);
  int last = 0;
  for (; at < size; ++at) {
    last = batch_->Add(prefix[at], at, 0, sequences, at + 1 == size);
  }
  return last;
}

void LlamaSession::Share(int sequences) {
  llama_memory_t memory = llama_get_memory(context_);
  for (int s = 1; s <= sequences; ++s) {
    llama_memory_seq_cp(memory, 0, s, -1, -1);
  }
}

absl::StatusOr<absl::Span<const float>> LlamaSession::Prefill(
    const LlamaTokens& prefix) {
  if (prefix != prefix_ || logits_.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const int last, QueuePrefix(prefix, 0, 0));
    ATTUNE_RETURN_IF_ERROR(Decode(*batch_));
    const absl::Span<const float> logits = LogitsAt(last);
    logits_.assign(logits.begin(), logits.end());
    prefix_ = prefix;
  } else {
    reused_ += static_cast<int64_t>(prefix.size());
  }
  return absl::Span<const float>(logits_);
}

absl::Status LlamaSession::ScoreGroup(int size,
                                      absl::Span<const LlamaTokens> group,
                                      int min_tokens, absl::Span<double> scores,
                                      absl::FunctionRef<void()> decoded) {
  struct Wanted {
    int index;  // in the batch
    size_t continuation;
    int32_t token;  // that follows
  };
  std::vector<Wanted> wanted;
  for (size_t k = 0; k < group.size(); ++k) {
    const int sequence = static_cast<int>(k) + 1;
    for (size_t j = 0; j + 1 < group[k].size(); ++j) {
      const int position = size + static_cast<int>(j);
      const int index =
          batch_->Add(group[k][j], position, sequence, sequence, true);
      wanted.push_back({index, k, group[k][j + 1]});
    }
  }
  if (batch_->batch.n_tokens == 0) return absl::OkStatus();
  // What fills up belongs to the spare sequence, and nobody asks for it.
  const int spare = static_cast<int>(group.size()) + 1;
  for (int i = size; batch_->batch.n_tokens < min_tokens; ++i) {
    batch_->Add(group[0][0], i, spare, spare, true);
    --evaluated_;
  }
  ATTUNE_RETURN_IF_ERROR(Decode(*batch_));
  decoded();
  for (const Wanted& want : wanted) {
    const absl::Span<const float> logits = LogitsAt(want.index);
    scores[want.continuation] += logits[want.token] - LogSumExp(logits);
  }
  for (int s = 1; s <= spare; ++s) {
    llama_memory_seq_rm(llama_get_memory(context_), s, -1, -1);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> LlamaSession::Score(
    const LlamaTokens& prefix, absl::Span<const LlamaTokens> continuations) {
  const int context = static_cast<int>(llama_n_ctx(context_));
  const int size = static_cast<int>(prefix.size());
  const int room = std::min(kMaxFollowing, context - size);
  ATTUNE_RETURN_IF_ERROR(
      CheckContinuations(continuations, context, room, kMaxFollowing));
  std::vector<double> scores(continuations.size(), 0.0);
  size_t begin = 0;
  do {
    const size_t end = GroupEnd(continuations, begin, room);
    const auto group = continuations.subspan(begin, end - begin);
    const int sequences = static_cast<int>(group.size());
    int last = 0;
    if (begin == 0) {
      ATTUNE_ASSIGN_OR_RETURN(
          last, QueuePrefix(prefix, TokensAfterFirst(group), sequences));
    } else {
      Share(sequences);
    }
    const auto first_tokens = [&] {
      if (begin > 0) return;
      prefix_ = prefix;
      AddFirstTokens(LogitsAt(last), continuations, absl::MakeSpan(scores));
    };
    ATTUNE_RETURN_IF_ERROR(ScoreGroup(
        size, group, 0, absl::MakeSpan(scores).subspan(begin, end - begin),
        first_tokens));
    begin = end;
  } while (begin < continuations.size());
  return scores;
}

absl::StatusOr<std::vector<double>> LlamaSession::ScoreApart(
    const LlamaTokens& prefix, absl::Span<const LlamaTokens> continuations) {
  const int context = static_cast<int>(llama_n_ctx(context_));
  const int size = static_cast<int>(prefix.size());
  const int room = std::min(kMaxFollowing, context - size - kMinRows);
  ATTUNE_RETURN_IF_ERROR(
      CheckContinuations(continuations, context, room, kMaxFollowing));
  ATTUNE_ASSIGN_OR_RETURN(const absl::Span<const float> logits,
                          Prefill(prefix));
  std::vector<double> scores(continuations.size(), 0.0);
  AddFirstTokens(logits, continuations, absl::MakeSpan(scores));
  size_t begin = 0;
  while (begin < continuations.size()) {
    const size_t end =
        GroupEnd(continuations, begin, std::min(kMinBatch - 1, room));
    const auto group = continuations.subspan(begin, end - begin);
    if (TokensAfterFirst(group) > 0) {
      Share(static_cast<int>(group.size()) + 1);
      ATTUNE_RETURN_IF_ERROR(ScoreGroup(
          size, group, kMinRows,
          absl::MakeSpan(scores).subspan(begin, end - begin), [] {}));
    }
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
    batch_->Add(token, size + static_cast<int>(out.size()) - 1, 0, 0, true);
    ATTUNE_RETURN_IF_ERROR(Decode(*batch_));
    logits = LogitsAt(0);
  }
  // Decoded tokens leave the cache, so that the next prefix finds its own only.
  llama_memory_seq_rm(llama_get_memory(context_), 0, size, -1);
  return out;
}

}  // namespace attune::trainer
