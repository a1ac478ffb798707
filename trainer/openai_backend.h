// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_OPENAI_BACKEND_H_
#define ATTUNE_TRAINER_OPENAI_BACKEND_H_

// Any OpenAI-compatible endpoint: vLLM, llama-server, a hosted LLM. Readouts
// `generate` and `labels` (chat_json.h says how they are read).
//
// A fault is retried (retry_policy.h) or ends as a status: the network,
// timeouts, 408, 409, 429, 5xx, and answers that make no sense. 400, 401, 403
// and 404 are not retried.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "trainer/chat_json.h"
#include "trainer/http_pool.h"
#include "trainer/llm_backend.h"
#include "trainer/retry_policy.h"

namespace attune::trainer {

struct OpenAiOptions {
  // Base URL, for instance "https://llm.example.com/v1"; "/chat/completions" is
  // added. No user or password in it.
  std::string url;
  // Where the API key is: a file, or the name of an environment variable. At
  // most one; both empty: no key.
  std::string api_key_file;
  std::string api_key_env;
  // Model and decoding.
  ChatSettings chat;
  // Concurrency, timeouts and the longest answer; `url` and `authorization` are
  // set by Create().
  HttpOptions http;
  RetryPolicy retry;
  // Tokens, of prompts and answers together, that may be spent in the backend's
  // life; 0: no limit. A call starts only if what is spent and what the calls
  // in flight may spend leave room for it; a prompt is taken to have one token
  // for every two bytes. Calls that do not say what they cost are charged so.
  int64_t token_budget = 0;
  // Of the waits' jitter.
  uint64_t seed = 1;
};

// Thread-compatible: Answer() by one thread at a time.
class OpenAiBackend final : public LlmBackend {
 public:
  // kInvalidArgument names the option that is wrong; kNotFound or
  // kFailedPrecondition if there is no API key where it should be. Makes no
  // call.
  static absl::StatusOr<std::unique_ptr<OpenAiBackend>> Create(
      OpenAiOptions options);

  // Beside llm_backend.h: kUnimplemented for the readout `likelihood`;
  // kInvalidArgument, kUnauthenticated, kPermissionDenied and kNotFound as the
  // endpoint says.
  std::vector<absl::StatusOr<LlmAnswer>> Answer(
      absl::Span<const LlmRequest> requests) override;

  std::string Identity() const override;
  // Wherever the endpoint is.
  std::string SharedIdentity() const override { return IdentityAt(""); }
  bool Samples() const override { return options_.chat.temperature > 0.0; }

  // Of all calls so far, those without a useful answer too; `llm_calls` counts
  // the ones that were answered with 200.
  const Usage& total() const { return total_; }
  // All calls, whatever came of them.
  int64_t attempts() const { return attempts_; }

 private:
  class Batch;
  OpenAiBackend(OpenAiOptions options, std::unique_ptr<HttpPool> pool);
  std::string IdentityAt(const std::string& place) const;

  const OpenAiOptions options_;
  const std::unique_ptr<HttpPool> pool_;
  policy::Rng rng_;
  Usage total_;
  int64_t attempts_ = 0;
  // Tokens of the calls in flight, at most.
  int64_t reserved_ = 0;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_OPENAI_BACKEND_H_
