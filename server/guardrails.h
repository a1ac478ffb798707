// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_GUARDRAILS_H_
#define ATTUNE_SERVER_GUARDRAILS_H_

// When a canary must go: a pure function of what was seen of it and of the active
// revision since its trial began.
//
// Four guardrails. Each compares bounds that hold at all times at once
// (confidence_sequence.h), so it may be asked after every observation: the
// probability that a canary as good as the active revision is ever rolled back
// is at most `alpha`, however long the trial. What is compared:
//   errors   share of decisions that failed, or whose logits were not finite, so
//            that the agents chose blindly
//   latency  mean of the logarithm of a decision's time
//   reward   mean of the rewards that were reported
//   entropy  mean of the surprisal of the choices, -log p over its largest
//            possible mean: the choices' entropy. Of the canary alone, against a
//            limit
// Where it is not valid: if the users of one side differ in what they report
// from those of the other by more than chance, for instance because one user
// reports most of the feedback.
//
// Plain values; thread-compatible.

#include <cstdint>
#include <string>

#include "server/confidence_sequence.h"
#include "server/traffic.h"

namespace attune::server {

struct GuardrailLimits {
  // Of a false rollback, in one trial. In (0, 1).
  double alpha = 0.01;
  // Of the canary; nothing is judged by fewer. With as few of the active
  // revision, errors are judged against `max_failures` and the rest not at all.
  int64_t min_samples = 100;
  // How much worse the canary may be: share of decisions that fail.
  double failure_tolerance = 0.005;
  double max_failures = 0.05;
  // Factor of the (geometric) mean time. At least 1.
  double latency_tolerance = 1.1;
  // Difference of mean rewards.
  double reward_tolerance = 0.005;
  // Below that the choices are no choices. Share of the largest entropy.
  double min_entropy = 0.02;
};

// Something that was seen of one side of a trial.
struct Observation {
  enum class Kind { kDecision, kReward };
  Kind kind = Kind::kDecision;
  // kActive or kCanary.
  TrafficRole role = TrafficRole::kActive;
  // TrafficSnapshot::trial.
  int64_t trial = 0;
  // Of a decision.
  bool failed = false;
  double seconds = 0.0;
  // Sum of -log p over the sum of log(number of options); negative if the
  // choice was not drawn.
  double surprisal = -1.0;
  // In [0, 1].
  double reward = 0.0;
};

// What was seen of one side.
struct ArmCounts {
  explicit ArmCounts(const GuardrailLimits& limits);
  void Add(const Observation& observation);

  ConfidenceSequence failures;
  // Of LatencyScore().
  ConfidenceSequence latency;
  // Of kSurprisalScale times the surprisal.
  ConfidenceSequence surprisal;
  ConfidenceSequence reward;
};

// A time on a logarithmic scale: 1 us is 0, 1 s is 1.
double LatencyScore(double seconds);
// Of a mean of scores.
double SecondsOfScore(double score);
inline constexpr double kSurprisalScale = 0.25;

enum class Guardrail { kNone, kErrors, kLatency, kReward, kEntropy };
inline constexpr int kGuardrails = 5;
// "none", "errors", ...
const char* GuardrailName(Guardrail guardrail);

struct Verdict {
  // kNone: keep the canary.
  Guardrail guardrail = Guardrail::kNone;
  // What was seen, in one sentence without anything of a user.
  std::string reason;

  bool roll_back() const { return guardrail != Guardrail::kNone; }
};

Verdict Judge(const GuardrailLimits& limits, const ArmCounts& canary,
              const ArmCounts& active);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_GUARDRAILS_H_
