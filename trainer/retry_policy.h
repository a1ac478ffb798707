// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_RETRY_POLICY_H_
#define ATTUNE_TRAINER_RETRY_POLICY_H_

// When to ask an LLM's endpoint again, and how long to wait before. Pure
// functions: randomness is an argument.

#include <chrono>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "policy/random.h"

namespace attune::trainer {

struct RetryPolicy {
  // Calls a request makes at most.
  int max_attempts = 5;
  // Of these, calls that were answered by something that makes no sense: such
  // an answer has cost tokens.
  int max_malformed = 2;
  // The first wait is up to `base`, each further one up to twice as long, none
  // longer than `max_wait`; Retry-After neither.
  std::chrono::milliseconds base{500};
  std::chrono::milliseconds max_wait{30000};
};

// True for faults that may pass: the network, 408, 409, 429, 5xx (kUnavailable,
// kDeadlineExceeded) and answers that make no sense (kDataLoss).
bool IsRetryable(const absl::Status& status);

// How long to wait after `attempts` calls of which `malformed` made no sense
// and the last one ended with `status`; nullopt to give up. Without Retry-After
// it is exponential with full jitter; with it at least what it says.
std::optional<std::chrono::milliseconds> WaitBeforeRetry(
    const RetryPolicy& policy, const absl::Status& status, int attempts,
    int malformed, std::optional<std::chrono::milliseconds> retry_after,
    policy::Rng& rng);

// What an HTTP status other than 200 means.
absl::Status StatusOfHttp(long http_status);

// Retry-After in seconds; nullopt for the form with a date and for garbage.
std::optional<std::chrono::milliseconds> ParseRetryAfter(
    std::string_view value);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_RETRY_POLICY_H_
