// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LLAMA_BACKEND_H_
#define ATTUNE_TRAINER_LLAMA_BACKEND_H_

// The embedded LLM: llama.cpp in-process, on the CPU.
//
// Readouts:
//   likelihood  log p(title | prompt) - log p(title | prior prefix), summed
//               over the title's tokens. All titles follow the prompt in one
//               batch. Priors are kept for the backend's life.
//               Without a prior prefix nothing is subtracted.
//   labels      log p of the next token, with and without a blank before the
//               label, added up.
//   generate    the completion up to the end of generation or `max_tokens`.
//
// A prompt's scores are the same to the bit whatever else is asked, in whatever
// order and with however many threads, on one machine with one build
// (llama_session.h says how). Other CPUs round differently.
//
// Works on several contexts with one thread each: llama.cpp's own threads spin
// at barriers, which on busy cores costs up to twenty times the work. Prompts that
// begin alike go to one context, one after the other.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "trainer/llama_model.h"
#include "trainer/llama_session.h"
#include "trainer/llm_backend.h"

namespace attune::trainer {

struct LlamaBackendOptions {
  // A GGUF file.
  std::string model_path;
  // Where to keep a copy of the model in FastestWeightFormat(), made once and
  // named after the model's SHA-256. If set, that copy is what answers. Empty:
  // the file as it is.
  std::string requantize_dir;
  // Prompts that are evaluated at the same time. 0: the number of cores.
  int threads = 0;
  // Tokens of a prompt and its titles or answer together. At most what the
  // model was trained with.
  int context = 2048;
  // `generate`: longest answer, in tokens, and temperature; 0 is greedy.
  int max_tokens = 256;
  double temperature = 0.0;
};

// Thread-compatible: Answer() by one thread at a time.
class LlamaBackend final : public LlmBackend {
 public:
  // kNotFound if there is no model file, kInvalidArgument if it cannot be
  // loaded or an option is out of range.
  static absl::StatusOr<std::unique_ptr<LlamaBackend>> Create(
      LlamaBackendOptions options);

  // A prompt that does not fit into the context is kInvalidArgument; nothing is
  // ever cut off.
  std::vector<absl::StatusOr<LlmAnswer>> Answer(
      absl::Span<const LlmRequest> requests) override;

  std::string Identity() const override;
  bool Samples() const override { return options_.temperature > 0.0; }

  // SHA-256 of the file at `model_path`, in lower-case hex.
  const std::string& model_sha256() const { return model_sha256_; }
  // Tokens that were evaluated (prompts, titles, answers, priors), and tokens of
  // prompts that an earlier prompt's beginning saved.
  int64_t evaluated_tokens() const;
  int64_t reused_tokens() const;

 private:
  // One thread's contexts: prompts have one, priors another.
  struct Worker {
    std::unique_ptr<LlamaSession> prompts;
    std::unique_ptr<LlamaSession> priors;
  };
  // Titles whose priors are scored in one batch.
  struct PriorBatch {
    std::string prefix;
    std::vector<std::string> titles;
  };

  LlamaBackend(LlamaBackendOptions options, std::string model_sha256,
               std::unique_ptr<LlamaModel> model);

  absl::StatusOr<LlmAnswer> AnswerOne(Worker& worker, const LlmRequest& request,
                                      const TokenizedPrompt& prompt);
  absl::StatusOr<LlmAnswer> ScoreTitles(Worker& worker,
                                        const policy::RenderedPrompt& rendered,
                                        const TokenizedPrompt& prompt);
  absl::StatusOr<LlmAnswer> ScoreLabels(Worker& worker,
                                        const policy::RenderedPrompt& rendered,
                                        const TokenizedPrompt& prompt);
  absl::StatusOr<LlmAnswer> Complete(Worker& worker, uint64_t seed,
                                     const TokenizedPrompt& prompt);
  // Finds the priors that `requests` need and that are not known. Those of many
  // prompts together fill batches, which those of one do not.
  std::vector<PriorBatch> MissingPriors(
      absl::Span<const LlmRequest> requests) const;
  void ScorePriors(Worker& worker, const PriorBatch& batch);
  // Subtracts the prior of each title from its score.
  absl::Status SubtractPriors(const policy::RenderedPrompt& rendered,
                              absl::Span<double> scores) const;
  // Calls `work` for the jobs 0 to `jobs` - 1; neighbours mostly go to one
  // worker, in order.
  void ForEachJob(size_t jobs,
                  absl::FunctionRef<void(Worker& worker, size_t job)> work);

  const LlamaBackendOptions options_;
  const std::string model_sha256_;
  const std::unique_ptr<LlamaModel> model_;
  std::vector<Worker> workers_;
  std::mutex mutex_;
  // By prior prefix and title. Written under mutex_ by ScorePriors(); nobody
  // reads meanwhile.
  std::map<std::pair<std::string, std::string>, absl::StatusOr<double>> priors_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LLAMA_BACKEND_H_
