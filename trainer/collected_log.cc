// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/collected_log.h"

#include <sstream>
#include <utility>

#include "policy/logged_decisions.h"
#include "policy/status_macros.h"
#include "trainer/files.h"

namespace attune::trainer {
namespace {

bool IsDecision(const v1::LoggedDecision& record) {
  return record.patterns_size() > 0;
}

bool IsEarlier(const v1::LoggedFeedback& a, const v1::LoggedFeedback& b) {
  const auto key = [](const v1::LoggedFeedback& feedback) {
    return std::pair(feedback.record_time().seconds(),
                     feedback.record_time().nanos());
  };
  return key(a) < key(b);
}

}  // namespace

absl::StatusOr<CollectedLog> CollectedLog::Load(std::string path) {
  CollectedLog log(std::move(path));
  ATTUNE_RETURN_IF_ERROR(log.LoadFile(log.path_));
  ATTUNE_RETURN_IF_ERROR(log.LoadFile(log.WaitingPath()));
  log.counts_ = {};
  return log;
}

absl::Status CollectedLog::LoadFile(const std::string& path) {
  auto reader = policy::LoggedDecisionReader::Open(path);
  if (absl::IsNotFound(reader.status())) return absl::OkStatus();
  ATTUNE_RETURN_IF_ERROR(reader.status());
  v1::LoggedDecision record;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, reader->Next(&record));
    if (!more) return absl::OkStatus();
    Add(std::move(record));
  }
}

void CollectedLog::Add(v1::LoggedDecision record) {
  const auto [found, is_first] =
      by_id_.try_emplace(record.decision_id(), records_.size());
  if (is_first) {
    records_.push_back(std::move(record));
    ++counts_.added;
    return;
  }
  v1::LoggedDecision& known = records_[found->second];
  bool is_new = false;
  v1::LoggedFeedback feedback = known.feedback();
  bool has_feedback = known.has_feedback();
  if (record.has_feedback()) {
    is_new = !has_feedback;
    if (is_new || IsEarlier(record.feedback(), feedback)) {
      feedback = record.feedback();
    }
    has_feedback = true;
  }
  if (IsDecision(record) && !IsDecision(known)) {
    known = std::move(record);
    is_new = true;
  }
  if (has_feedback) *known.mutable_feedback() = std::move(feedback);
  ++(is_new ? counts_.added : counts_.repeated);
}

absl::Status CollectedLog::Save(absl::Time oldest) {
  std::ostringstream decisions, waiting;
  policy::WriteLoggedDecisionsMagic(decisions);
  policy::WriteLoggedDecisionsMagic(waiting);
  counts_.decisions = counts_.with_feedback = counts_.waiting = 0;
  for (const v1::LoggedDecision& record : records_) {
    if (record.decide_time().seconds() < absl::ToUnixSeconds(oldest)) {
      ++counts_.aged;
      continue;
    }
    const bool is_decision = IsDecision(record);
    policy::WriteLoggedDecision(record, is_decision ? decisions : waiting);
    ++(is_decision ? counts_.decisions : counts_.waiting);
    if (is_decision && record.has_feedback()) ++counts_.with_feedback;
  }
  ATTUNE_RETURN_IF_ERROR(
      WriteFileAtomically(path_, std::move(decisions).str()));
  return WriteFileAtomically(WaitingPath(), std::move(waiting).str());
}

}  // namespace attune::trainer
