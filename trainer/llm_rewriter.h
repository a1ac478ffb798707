// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LLM_REWRITER_H_
#define ATTUNE_TRAINER_LLM_REWRITER_H_

// Rewrites sentences with any LLM that completes chats (readout `generate`), in
// practice openai_backend.h. Each sentence is a call of its own that asks for
// another angle, so that an LLM that always says the same says different
// things. Behind a CachingBackend a repeated request is free: the key is the
// model with its decoding settings, and the whole instruction.
//
// Sources: Fermi (Kim et al. 2024, arXiv 2406.18678): the optimiser LLM sees
// concrete failures; position-based feedback as in AGP (2504.03965). The
// instruction is ours.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/renderer.h"
#include "trainer/llm_backend.h"
#include "trainer/rewriter.h"

namespace attune::trainer {

// The chat that asks for the `variant`-th rewrite. Pure.
policy::RenderedPrompt RewritePrompt(const RewriteRequest& request,
                                     int variant);

// Not thread-safe.
class LlmRewriter final : public Rewriter {
 public:
  // `backend` must outlive the rewriter; `model` is its name for the lineage.
  LlmRewriter(LlmBackend& backend, std::string model);

  // Errors of the backend, if it answered none of the calls.
  absl::StatusOr<std::vector<std::string>> Rewrite(
      const RewriteRequest& request) override;

  std::string Model() const override { return model_; }
  std::string InstructionVersion() const override;

 private:
  LlmBackend& backend_;
  const std::string model_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LLM_REWRITER_H_
