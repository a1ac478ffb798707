// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_handler.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "server/prompt_handler.h"

namespace attune::server {

absl::Status LogHandler::ListDecisions(
    const v1::ListDecisionsRequest& request,
    v1::ListDecisionsResponse* response) const {
  if (request.page_size() < 0 || request.page_size() > kMaxDecisionPage) {
    return absl::InvalidArgumentError(
        absl::StrCat("page_size: must be 0 to ", kMaxDecisionPage));
  }
  // A page token is the sequence number of the last decision of the page before.
  int64_t after = 0;
  if (!request.page_token().empty() &&
      (!absl::SimpleAtoi(request.page_token(), &after) || after < 0)) {
    return absl::InvalidArgumentError("page_token: not one of ours");
  }
  if (log_ == nullptr) return NoDecisionLog();
  const int size =
      request.page_size() == 0 ? kDefaultDecisionPage : request.page_size();
  // What was answered before the list was asked for is in it.
  if (request.page_token().empty()) log_->Flush();
  ATTUNE_ASSIGN_OR_RETURN(
      LogPage page, log_->List(after, size, request.only_with_feedback()));
  *response = std::move(page.response);
  if (!page.at_end) response->set_next_page_token(absl::StrCat(page.last));
  return absl::OkStatus();
}

absl::Status LogHandler::Check(const v1::ForgetUserRequest& request) const {
  if (request.user_id().empty() || request.user_id().size() > kMaxUserIdBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("user_id: must be 1 to ", kMaxUserIdBytes, " bytes"));
  }
  return log_ == nullptr ? NoDecisionLog() : absl::OkStatus();
}

void LogHandler::ForgetUser(const v1::ForgetUserRequest& request,
                            DecisionLog::ForgetDone done) const {
  const absl::Status status = Check(request);
  if (!status.ok()) return done(status);
  log_->Forget(signer_.Pseudonym(request.user_id()), std::move(done));
}

}  // namespace attune::server
