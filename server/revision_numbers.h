// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_REVISION_NUMBERS_H_
#define ATTUNE_SERVER_REVISION_NUMBERS_H_

// The numbers of signed revisions: which one a push may have after those that
// were accepted, so that nobody who holds an old signed artifact can bring it
// back as if it were new. Decided here, done by SignatureGate.
//
// Pure functions; safe to call from any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace attune::server {

// Furthest that a number may be above the highest accepted one: whoever may sign
// once cannot use up all numbers.
inline constexpr int64_t kMaxNumberStep = 1000000;

// The highest number that was accepted for a policy, and of which bytes.
struct HighestNumber {
  // 0 if none was.
  int64_t number = 0;
  std::string digest;
};

// By policy. Numbers only grow.
using RevisionNumbers = std::map<std::string, HighestNumber>;

// A push as far as its number is concerned.
struct NumberClaim {
  int64_t number = 0;
  // Of its policy.
  int64_t highest = 0;
  // What these very bytes were accepted as, if they were.
  std::optional<int64_t> accepted_as = std::nullopt;
  // Whether it would make another revision active than the one that is.
  bool activates = false;
};

// OK if the number is new, or is that of bytes that were accepted already;
// these activate nothing unless theirs is the highest one. kFailedPrecondition
// with reason REVISION_NUMBER_NOT_NEW, or REVISION_NUMBER_TOO_HIGH beyond
// kMaxNumberStep.
absl::Status CheckNumber(const NumberClaim& claim);

// The numbers as a file keeps them.
std::string PrintNumbers(const RevisionNumbers& numbers);
// kDataLoss if the file is damaged.
absl::StatusOr<RevisionNumbers> ParseNumbers(std::string_view bytes);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_REVISION_NUMBERS_H_
