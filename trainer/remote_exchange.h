// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_REMOTE_EXCHANGE_H_
#define ATTUNE_TRAINER_REMOTE_EXCHANGE_H_

// One RemoteBackend::Answer(): what was asked, and what became of each request.
//
// Not thread-safe; owned by the call.

#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "trainer/remote_backend.h"

namespace attune::trainer {

class RemoteBackend::Exchange {
 public:
  Exchange(RemoteBackend& backend, absl::Span<const LlmRequest> requests);

  std::vector<absl::StatusOr<LlmAnswer>> ToTheEnd();

 private:
  // Adds what there is room for, and waits a little for answers.
  absl::Status Step();
  // Says that the run is there, and adds again what Redis forgot.
  absl::Status Tend();
  absl::Status Add();
  // Returns how many answers came, useful or not.
  absl::StatusOr<int> Take(absl::Duration wait);
  void Accept(const RolloutReply& reply);
  void GiveUp(const absl::Status& trouble);
  // Entries of what is in Redis.
  std::vector<std::string> Entries() const;

  RemoteBackend& backend_;
  std::vector<absl::StatusOr<LlmAnswer>> answers_;
  // By request; without an entry it is to be added.
  std::vector<RolloutJob> jobs_;
  std::vector<bool> open_;
  std::vector<int> tries_;  // that ended in a fault
  std::unordered_map<std::string, size_t> by_id_;
  size_t left_ = 0;  // open ones
  absl::Time tend_at_ = absl::InfinitePast();
  absl::Time heard_at_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_REMOTE_EXCHANGE_H_
