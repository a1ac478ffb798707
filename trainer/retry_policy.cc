// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/retry_policy.h"

#include <algorithm>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace attune::trainer {

bool IsRetryable(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsDataLoss(status);
}

std::optional<std::chrono::milliseconds> WaitBeforeRetry(
    const RetryPolicy& policy, const absl::Status& status, int attempts,
    int malformed, std::optional<std::chrono::milliseconds> retry_after,
    policy::Rng& rng) {
  if (!IsRetryable(status) || attempts >= policy.max_attempts ||
      malformed >= policy.max_malformed) {
    return std::nullopt;
  }
  std::chrono::milliseconds ceiling = policy.base;
  for (int i = 1; i < attempts && ceiling < policy.max_wait; ++i) ceiling *= 2;
  ceiling = std::min(ceiling, policy.max_wait);
  std::chrono::milliseconds wait(static_cast<int64_t>(
      rng.UnitDouble() * static_cast<double>(ceiling.count())));
  if (retry_after.has_value()) wait = std::max(wait, *retry_after);
  return std::min(wait, policy.max_wait);
}

absl::Status StatusOfHttp(long http_status) {
  const std::string message =
      absl::StrCat("LLM endpoint: answered HTTP ", http_status);
  switch (http_status) {
    case 400:
    case 413:
    case 422:
      return absl::InvalidArgumentError(message);
    case 401:
      return absl::UnauthenticatedError(message);
    case 403:
      return absl::PermissionDeniedError(message);
    case 404:
      return absl::NotFoundError(message);
    case 408:
      return absl::DeadlineExceededError(message);
    case 409:
    case 429:
      return absl::UnavailableError(message);
    default:
      return http_status >= 500 ? absl::UnavailableError(message)
                                : absl::FailedPreconditionError(message);
  }
}

std::optional<std::chrono::milliseconds> ParseRetryAfter(
    std::string_view value) {
  constexpr double kMaxSeconds = 86400.0;
  double seconds = 0.0;
  if (!absl::SimpleAtod(absl::string_view(value.data(), value.size()),
                        &seconds) ||
      !(seconds >= 0.0)) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(
      static_cast<int64_t>(std::min(seconds, kMaxSeconds) * 1000.0));
}

}  // namespace attune::trainer
