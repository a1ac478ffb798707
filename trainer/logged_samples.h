// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LOGGED_SAMPLES_H_
#define ATTUNE_TRAINER_LOGGED_SAMPLES_H_

// Reads exported decision logs (policy/logged_decisions.h) as samples that a
// revision can be valued on or learn from.
//
// Left out and counted: decisions without a reward, those of another catalog or
// readout, and greedy and apprentice ones, whose propensity of 1 supports no other
// policy. Apprentice ones, the caller's own choices, are read apart, for imitation
// (imitation.h), and their rewards say what the caller's own prompt earned. A
// decision that several exports hold counts once, with its reward if one of them
// has it. Refused: what cannot be a decision of this catalog, above all a
// missing propensity; to leave it out would change who is asked about.

#include <Eigen/Core>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "attune/v1/decision_log.pb.h"
#include "attune/v1/revision.pb.h"
#include "policy/policy.h"

namespace attune::trainer {

// Which decisions are read.
enum class LogPart {
  kSampled,     // drawn by agents, with a reward
  kApprentice,  // the caller's own choice, with or without a reward
};

struct LoggedSample {
  Eigen::VectorXf state;  // [StateDim()] of the policy that is asked about
  std::vector<int> options;
  // Of the chosen options, in (0, 1]; 1 in kApprentice.
  std::vector<float> propensities;
  // Of every option of each pattern, given the options chosen before.
  std::vector<Eigen::VectorXf> probabilities;
  float reward = 0.0F;  // in [0, 1]; 0 in kApprentice if there is none
  // In [0, LoggedSamples::users): decisions of one pseudonym share it; one
  // without a pseudonym has its own.
  int user = 0;
};

// Rewards of apprentice decisions.
struct OwnRewards {
  std::vector<double> rewards;
  std::vector<int> users;  // of each, numbered as LoggedSample::user, but apart
};

struct LoggedSamples {
  std::vector<LoggedSample> samples;
  int users = 0;
  // Decisions among `samples` by the revision that took them.
  std::map<std::string, int64_t> revisions;
  // Different decisions in the files, and what was left out of them.
  int64_t decisions = 0;
  int64_t without_reward = 0;
  int64_t greedy = 0;
  int64_t apprentice = 0;  // not left out of kApprentice
  int64_t sampled = 0;     // left out of kApprentice only
  int64_t other_catalog = 0;
  int64_t other_readout = 0;
  // The log has their requests, and the policy encodes them to other states than
  // the logged ones: it has another encoder or item table.
  int64_t other_state = 0;
  // Of this catalog and readout, whatever part is read.
  OwnRewards own;
};

// Samples for `policy`. Where the log holds requests, states are encoded anew
// (but those with a previous iteration, which is not logged); elsewhere they are
// as logged.
//
// kNotFound, kInvalidArgument and kDataLoss from the files, each with its name.
// kFailedPrecondition names the decision and what is wrong with it, or says that
// no decision has the policy's catalog.
absl::StatusOr<LoggedSamples> ReadLoggedSamples(
    absl::Span<const std::string> files, const policy::Policy& policy,
    LogPart part = LogPart::kSampled);

// The same from messages; `decisions` in any order.
absl::StatusOr<LoggedSamples> ToLoggedSamples(
    absl::Span<const v1::LoggedDecision> decisions,
    const policy::Policy& policy, LogPart part = LogPart::kSampled);

// kFailedPrecondition if the two do not encode the golden requests of `other` to
// the same states: what was logged under one then says nothing of the other.
absl::Status CheckSameStates(const policy::Policy& policy,
                             const v1::RevisionManifest& other);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LOGGED_SAMPLES_H_
