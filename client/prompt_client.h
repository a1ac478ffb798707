// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_PROMPT_CLIENT_H_
#define ATTUNE_CLIENT_PROMPT_CLIENT_H_

// START HERE. Asks a server for prompts: what a recommender backend calls.
//
// Create() once and copy freely: copies share one connection. The connection is
// made by the first call and kept alive by the last copy. Calls block, at most
// for the deadline (2 s unless the options say another), and are tried again on
// UNAVAILABLE and when an overloaded server says after what time. CallOptions put
// a call into a trace; kInvalidArgument if they hold what no header may.
// Thread-safe.
//
// Example:
//   ATTUNE_ASSIGN_OR_RETURN(PromptClient client, PromptClient::Create(
//       {.target = "localhost:50051"}));
//   v1::GetPromptRequest request = MakeRequest(history, candidates);
//   ATTUNE_ASSIGN_OR_RETURN(Prompt plain, PlainPrompt(request));
//   ATTUNE_ASSIGN_OR_RETURN(Prompt prompt, client.GetPromptOr(request, plain));
//   std::string answer = MyLlm(ToChatMessagesJson(prompt));
//   ATTUNE_ASSIGN_OR_RETURN(RankedItems best, ParseRanking(prompt, answer));
//   ... show `best`, see what is clicked ...
//   client.RecordFeedback(MakeFeedback(prompt, best, clicked));

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "attune/v1/prompt_service.pb.h"
#include "client/options.h"
#include "client/prompt.h"

namespace attune::client {

class PromptClient {
 public:
  // kInvalidArgument if an option is out of its range; kNotFound if a file of its
  // TlsOptions cannot be read. Does not connect.
  static absl::StatusOr<PromptClient> Create(ClientOptions options = {});

  // The prompt that suits this user and these candidates. The errors are the
  // server's; the message names the field and the limit.
  absl::StatusOr<Prompt> GetPrompt(const v1::GetPromptRequest& request,
                                   const CallOptions& call = {}) const;

  // As GetPrompt, but returns `fallback`, marked as one, if the server does not
  // answer (kUnavailable, kDeadlineExceeded). Any other error is an error: a
  // fallback would hide a mistake in the request.
  absl::StatusOr<Prompt> GetPromptOr(const v1::GetPromptRequest& request,
                                     Prompt fallback,
                                     const CallOptions& call = {}) const;

  // Reports what came of a prompt (MakeFeedback in prompt.h). Once it is OK, the
  // feedback is on the server's disk. Idempotent per decision, so safe to call
  // again after any error: the first feedback counts, and `reward` is the one
  // that does. A missing request_id is filled in, so that a retry within this
  // call is no duplicate. kFailedPrecondition if the decision is too old.
  absl::StatusOr<v1::RecordFeedbackResponse> RecordFeedback(
      v1::RecordFeedbackRequest request, const CallOptions& call = {}) const;

  // As GetPrompt for each request, over one stream: several times as many
  // prompts a second. Result i answers request i. The deadline is for all of
  // them; if the stream breaks, the requests that were not answered have its
  // error. Nothing is tried again.
  std::vector<absl::StatusOr<Prompt>> GetPrompts(
      absl::Span<const v1::GetPromptRequest> requests,
      const CallOptions& call = {}) const;

  // The prompt of a given choice. Nothing is decided, so there is no token.
  absl::StatusOr<Prompt> PreviewPrompt(
      const v1::PreviewPromptRequest& request) const;

 private:
  struct Impl;
  explicit PromptClient(std::shared_ptr<const Impl> impl);

  std::shared_ptr<const Impl> impl_;
};

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_PROMPT_CLIENT_H_
