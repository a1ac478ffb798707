// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PROMPT_RESPONSE_H_
#define ATTUNE_SERVER_PROMPT_RESPONSE_H_

// What GetPrompt answers, and how it becomes the bytes of a
// v1::GetPromptResponse. Pure functions; safe to call from any thread.

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "policy/item.h"
#include "policy/policy.h"
#include "policy/revision.h"
#include "server/decision_token.h"

namespace attune::server {

// A decision that was signed.
struct ServedDecision {
  std::shared_ptr<const policy::Revision> revision;
  policy::Decision decision;
  DecisionClaims claims;
  std::string token;
  absl::Time expire_time;
};

// Appends the fields of the v1::GetPromptResponse. `candidates` are the
// request's.
void AppendResponse(const ServedDecision& served,
                    absl::Span<const policy::Item> candidates,
                    std::string* out);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PROMPT_RESPONSE_H_
