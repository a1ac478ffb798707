// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LLAMA_MODEL_H_
#define ATTUNE_TRAINER_LLAMA_MODEL_H_

// A GGUF file in memory: its weights, tokenizer and chat template.
//
// Life cycle: Load() once; it must outlive every LlamaSession on it.
// Immutable; safe to call from any thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "policy/renderer.h"

struct llama_model;
struct llama_vocab;

namespace attune::trainer {

using LlamaTokens = std::vector<int32_t>;

// A prompt as the model reads it.
struct TokenizedPrompt {
  // Everything up to where the answer, or the title, begins.
  LlamaTokens prefix;
  // Blanks between primer and title: those that ended the primer, one if there
  // were none; empty without a primer. Tokenizers glue a blank to the word after
  // it, so they belong in front of each title.
  std::string blanks;
};

class LlamaModel {
 public:
  // kNotFound if there is no such file, kInvalidArgument if it is not a GGUF
  // file that llama.cpp can load, kUnimplemented if its chat template is none
  // that llama.cpp knows, kFailedPrecondition if llama.cpp was built for a CPU
  // that can do more than this one.
  static absl::StatusOr<std::unique_ptr<LlamaModel>> Load(
      const std::string& path);

  ~LlamaModel();

  // The tokens of `text`, in which nothing is a control token.
  LlamaTokens Tokenize(std::string_view text) const;
  // Renders the messages with the model's chat template. Control tokens come
  // from the template only: a title that spells one is text. An assistant
  // message at the end is the beginning of the answer.
  absl::StatusOr<TokenizedPrompt> TokenizePrompt(
      const policy::RenderedPrompt& prompt) const;
  // Plain text from the beginning of a sequence, without a template.
  TokenizedPrompt TokenizePlain(std::string_view text) const;

  std::string Piece(int32_t token) const;
  bool EndsGeneration(int32_t token) const;
  int vocabulary_size() const;
  // Context length that the model was trained with.
  int trained_context() const;
  // SHA-256 of the file in lower-case hex.
  const std::string& sha256() const { return sha256_; }
  llama_model* get() const { return model_; }

 private:
  LlamaModel(llama_model* model, std::string sha256);

  LlamaTokens TokenizeWith(std::string_view text, bool parse_control) const;
  absl::StatusOr<std::string> ApplyTemplate(
      const std::vector<const char*>& roles,
      const std::vector<std::string>& contents) const;

  llama_model* const model_;
  const llama_vocab* const vocab_;
  const std::string sha256_;
  std::string chat_template_;
};

// How the weights of a model are kept in a file.
enum class WeightFormat { kQ8, kBf16 };

// The format for which llama.cpp, as it was built, has its fastest kernels for
// models of under a billion parameters: 16-bit floats where the CPU multiplies
// those (AVX512-BF16), 8-bit integers (Q8_0) elsewhere. Neither loses much of a
// model with 4-bit weights.
WeightFormat FastestWeightFormat();
// "q8_0" or "bf16".
const char* WeightFormatName(WeightFormat format);

// Writes the model at `from` to `to` with weights in `format`. The file appears
// whole or not at all. Errors of Load, or kInternal.
absl::Status ConvertWeights(const std::string& from, const std::string& to,
                            WeightFormat format);

// SHA-256 of a file in lower-case hex. kNotFound, or kUnavailable if it cannot
// be read.
absl::StatusOr<std::string> Sha256OfFile(const std::string& path);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LLAMA_MODEL_H_
