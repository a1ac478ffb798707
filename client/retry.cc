// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/retry.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace attune::client {
namespace {

constexpr char kRetryAfterUrl[] = "attune.retry_after_ms";

double RandomUnit() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return static_cast<double>(generator() >> 11) * 0x1p-53;
}

}  // namespace

Clock Clock::Real() {
  return {.now = [] { return absl::Now(); },
          .sleep = [](absl::Duration wait) { absl::SleepFor(wait); },
          .random = RandomUnit};
}

Clock Clock::OrReal() const {
  Clock clock = Real();
  if (now) clock.now = now;
  if (sleep) clock.sleep = sleep;
  if (random) clock.random = random;
  return clock;
}

absl::Duration Backoff(const RetryOptions& options, int attempt, double unit) {
  const double growth =
      std::pow(std::max(1.0, options.multiplier), std::min(attempt - 1, 60));
  const absl::Duration base =
      std::min(options.initial_backoff * growth, options.max_backoff);
  const double jitter = std::clamp(options.jitter, 0.0, 1.0);
  return base * (1.0 - jitter * unit);
}

void SetRetryAfter(absl::Duration wait, absl::Status& status) {
  status.SetPayload(kRetryAfterUrl,
                    absl::Cord(absl::StrCat(absl::ToInt64Milliseconds(wait))));
}

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryAfterUrl);
  int64_t millis = 0;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &millis)) {
    return std::nullopt;
  }
  return absl::Milliseconds(millis);
}

bool IsRetryable(const absl::Status& status) {
  return absl::IsUnavailable(status) || RetryAfterOf(status).has_value();
}

absl::Status CallWithRetry(
    const RetryOptions& options, const Clock& clock, absl::Time deadline,
    const std::function<absl::Status(absl::Time)>& attempt) {
  const Clock real = clock.OrReal();
  for (int made = 1;; ++made) {
    absl::Status status = attempt(deadline);
    if (!IsRetryable(status) || made >= options.max_attempts) return status;
    const absl::Duration wait =
        RetryAfterOf(status).value_or(Backoff(options, made, real.random()));
    if (real.now() + wait >= deadline) return status;
    real.sleep(wait);
  }
}

}  // namespace attune::client
