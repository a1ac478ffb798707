// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/remote_exchange.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

constexpr absl::Duration kTendEvery = absl::Seconds(2);
constexpr absl::Duration kWait = absl::Milliseconds(500);
constexpr absl::Duration kNoWait = absl::Milliseconds(1);
constexpr int kDigestDigits = 16;

// With another worker.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

RemoteBackend::Exchange::Exchange(RemoteBackend& backend,
                                  absl::Span<const LlmRequest> requests)
    : backend_(backend),
      answers_(requests.size(), absl::InternalError("not answered")),
      jobs_(requests.size()),
      open_(requests.size(), false),
      tries_(requests.size(), 0),
      heard_at_(backend.options_.clock()) {
  for (size_t i = 0; i < requests.size(); ++i) {
    absl::StatusOr<std::string> bytes = EncodeRequest(requests[i]);
    if (!bytes.ok()) {
      answers_[i] = bytes.status();
      continue;
    }
    RolloutJob& job = jobs_[i];
    job.id = absl::StrCat(backend.sequence_++, "-",
                          policy::Sha256Hex(*bytes).substr(0, kDigestDigits));
    job.request = *std::move(bytes);
    by_id_[job.id] = i;
    open_[i] = true;
    ++left_;
  }
}

std::vector<absl::StatusOr<LlmAnswer>> RemoteBackend::Exchange::ToTheEnd() {
  while (left_ > 0) {
    const absl::Status status = Step();
    if (backend_.options_.clock() - heard_at_ >= backend_.options_.patience) {
      GiveUp(status);
      break;
    }
    backend_.said_at_ = std::max(backend_.said_at_, heard_at_);
    backend_.SayWaiting(absl::StrCat(left_, " of ", jobs_.size(), " rankings"),
                        status);
    if (!status.ok()) {
      // Whatever happened to Redis meanwhile.
      tend_at_ = absl::InfinitePast();
      backend_.Pause();
    }
  }
  return std::move(answers_);
}

absl::Status RemoteBackend::Exchange::Step() {
  if (backend_.options_.clock() >= tend_at_) ATTUNE_RETURN_IF_ERROR(Tend());
  ATTUNE_RETURN_IF_ERROR(Add());
  return Take(kWait).status();
}

std::vector<std::string> RemoteBackend::Exchange::Entries() const {
  std::vector<std::string> entries;
  for (size_t i = 0; i < jobs_.size(); ++i) {
    if (open_[i] && !jobs_[i].entry.empty()) entries.push_back(jobs_[i].entry);
  }
  return entries;
}

absl::Status RemoteBackend::Exchange::Tend() {
  ATTUNE_RETURN_IF_ERROR(backend_.Announce());
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<std::string> missing,
                          backend_.stream_.Missing(Entries()));
  // What is gone was answered, and then the answer is there to be read, or it
  // was forgotten.
  int taken = missing.empty() ? 0 : 1;
  while (taken > 0) {
    ATTUNE_ASSIGN_OR_RETURN(taken, Take(kNoWait));
  }
  const std::unordered_set<std::string> gone(missing.begin(), missing.end());
  for (size_t i = 0; i < jobs_.size(); ++i) {
    if (!open_[i] || !gone.contains(jobs_[i].entry)) continue;
    jobs_[i].entry.clear();
    ++backend_.added_again_;
  }
  tend_at_ = backend_.options_.clock() + kTendEvery;
  return absl::OkStatus();
}

absl::Status RemoteBackend::Exchange::Add() {
  auto room = backend_.options_.window - static_cast<int>(Entries().size());
  std::vector<RolloutJob*> jobs;
  for (size_t i = 0; i < jobs_.size() && room > 0; ++i) {
    if (!open_[i] || !jobs_[i].entry.empty()) continue;
    jobs.push_back(&jobs_[i]);
    --room;
  }
  if (jobs.empty()) return absl::OkStatus();
  ATTUNE_ASSIGN_OR_RETURN(std::vector<std::string> entries,
                          backend_.stream_.Add({jobs.data(), jobs.size()}));
  for (size_t i = 0; i < std::min(jobs.size(), entries.size()); ++i) {
    jobs[i]->entry = std::move(entries[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<int> RemoteBackend::Exchange::Take(absl::Duration wait) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<RolloutReply> replies,
                          backend_.stream_.Take(wait));
  for (const RolloutReply& reply : replies) Accept(reply);
  if (!replies.empty()) heard_at_ = backend_.options_.clock();
  return static_cast<int>(replies.size());
}

void RemoteBackend::Exchange::Accept(const RolloutReply& reply) {
  const auto found = by_id_.find(reply.id);
  if (found == by_id_.end() || !open_[found->second]) {
    ++backend_.late_;
    return;
  }
  const size_t i = found->second;
  answers_[i] = DecodeAnswer(reply.answer);
  if (!answers_[i].ok()) ++backend_.faults_;
  if (MayPass(answers_[i].status()) && ++tries_[i] < kMostTries) {
    jobs_[i].entry.clear();
    ++backend_.added_again_;
    return;
  }
  open_[i] = false;
  --left_;
}

void RemoteBackend::Exchange::GiveUp(const absl::Status& trouble) {
  backend_.stream_.Withdraw(Entries()).IgnoreError();
  const absl::Status fault = absl::DeadlineExceededError(
      absl::StrCat("no worker answered for ",
                   absl::FormatDuration(backend_.options_.patience),
                   trouble.ok() ? "" : absl::StrCat(": ", trouble.message())));
  for (size_t i = 0; i < jobs_.size(); ++i) {
    if (open_[i]) answers_[i] = fault;
  }
}

}  // namespace attune::trainer
