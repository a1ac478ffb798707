// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TRAINER_PLAIN_LLAMA_H_
#define ATTUNE_TESTS_TRAINER_PLAIN_LLAMA_H_

// llama.cpp the plain way: one text at a time, a fresh cache for each, nothing
// shared. What the trainer's backend must agree with. Written against llama.h
// alone, for ChatML models.

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "llama.h"
#include "policy/renderer.h"
#include "trainer/log_softmax.h"

namespace attune::trainer {

class PlainLlama {
 public:
  explicit PlainLlama(const std::string& path) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    llama_model_params model_params = llama_model_default_params();
    model_params.n_gpu_layers = 0;
    model_ = llama_model_load_from_file(path.c_str(), model_params);
    if (model_ == nullptr) std::abort();
    llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = params.n_ubatch = 1024;
    params.n_threads = params.n_threads_batch = 1;
    context_ = llama_init_from_model(model_, params);
    if (context_ == nullptr) std::abort();
  }
  ~PlainLlama() {
    llama_free(context_);
    llama_model_free(model_);
  }
  PlainLlama(const PlainLlama&) = delete;
  PlainLlama& operator=(const PlainLlama&) = delete;

  // The prompt in ChatML, up to where the answer begins.
  static std::string ChatPrefix(const policy::RenderedPrompt& prompt) {
    std::string text;
    std::string primer;
    for (const policy::Message& message : prompt.messages) {
      if (std::string(message.role) == "assistant") {
        primer = message.Text();
      } else {
        text += "<|im_start|>" + std::string(message.role) + "\n" +
                message.Text() + "<|im_end|>\n";
      }
    }
    return text + "<|im_start|>assistant\n" + primer;
  }

  // log p(continuation | prefix).
  double LogProbability(const std::string& prefix,
                        const std::string& continuation) {
    std::vector<llama_token> tokens = Tokenize(prefix);
    const size_t begin = tokens.size();
    for (const llama_token token : Tokenize(continuation)) {
      tokens.push_back(token);
    }
    double sum = 0.0;
    Evaluate(tokens, [&](size_t i, absl::Span<const float> logits) {
      if (i + 1 < begin || i + 1 == tokens.size()) return;
      sum += logits[tokens[i + 1]] - LogSumExp(logits);
    });
    return sum;
  }

  // log p of each text, which is one token, right after the prefix.
  std::vector<double> NextTokens(const std::string& prefix,
                                 const std::vector<std::string>& texts) {
    const std::vector<llama_token> tokens = Tokenize(prefix);
    std::vector<double> out;
    Evaluate(tokens, [&](size_t i, absl::Span<const float> logits) {
      if (i + 1 != tokens.size()) return;
      for (const std::string& text : texts) {
        out.push_back(logits[Tokenize(text).at(0)] - LogSumExp(logits));
      }
    });
    return out;
  }

 private:
  // The logits after each token, all tokens in one batch: llama.cpp has other
  // kernels for small batches, which round otherwise (up to 0.25 nats a title).
  void Evaluate(
      const std::vector<llama_token>& tokens,
      const std::function<void(size_t, absl::Span<const float>)>& visit) {
    const size_t together = tokens.size();
    llama_memory_clear(llama_get_memory(context_), true);
    llama_batch batch = llama_batch_init(static_cast<int>(together), 0, 1);
    for (size_t begin = 0; begin < tokens.size(); begin += together) {
      const size_t end = std::min(begin + together, tokens.size());
      for (size_t i = begin; i < end; ++i) {
        batch.token[i - begin] = tokens[i];
        batch.pos[i - begin] = static_cast<llama_pos>(i);
        batch.n_seq_id[i - begin] = 1;
        batch.seq_id[i - begin][0] = 0;
        batch.logits[i - begin] = 1;
      }
      batch.n_tokens = static_cast<int>(end - begin);
      if (llama_decode(context_, batch) != 0) std::abort();
      for (size_t i = begin; i < end; ++i) {
        visit(i, {llama_get_logits_ith(context_, static_cast<int>(i - begin)),
                  static_cast<size_t>(llama_vocab_n_tokens(vocab()))});
      }
    }
    llama_batch_free(batch);
  }

  const llama_vocab* vocab() const { return llama_model_get_vocab(model_); }

  std::vector<llama_token> Tokenize(const std::string& text) const {
    std::vector<llama_token> tokens(text.size() + 8);
    const int n =
        llama_tokenize(vocab(), text.data(), static_cast<int>(text.size()),
                       tokens.data(), static_cast<int>(tokens.size()),
                       /*add_special=*/false, /*parse_special=*/true);
    if (n < 0) std::abort();
    tokens.resize(n);
    return tokens;
  }

  llama_model* model_ = nullptr;
  llama_context* context_ = nullptr;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TESTS_TRAINER_PLAIN_LLAMA_H_
