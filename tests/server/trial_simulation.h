// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_TRIAL_SIMULATION_H_
#define ATTUNE_TESTS_SERVER_TRIAL_SIMULATION_H_

// A stream of users, decisions and rewards for guardrails to watch, with a clock
// of its own: 100 requests a second.
//
// Users differ: each has a mean reward of their own and comes back. Times are
// log-normal with a tail, rewards are NDCG@10 of a hit's rank, one decision in
// four is reported, and one in two hundred fails whoever decides (a caller's
// mistake).

#include <cmath>
#include <cstdint>
#include <random>

#include "absl/time/time.h"
#include "server/guardrails.h"

namespace attune::server {

// How a revision does.
struct RevisionQuality {
  double failures = 0.005;
  // Share of decisions whose logits are not finite.
  double not_finite = 0.0;
  double median_seconds = 25e-6;
  // Factor of the rewards.
  double reward = 1.0;
  // Share of the largest entropy.
  double entropy = 0.6;
};

class TrialSimulation {
 public:
  static constexpr int kUsers = 20000;

  TrialSimulation(uint64_t seed, const RevisionQuality& active,
                  const RevisionQuality& canary, double share)
      : random_(seed),
        salt_(seed),
        active_(active),
        canary_(canary),
        share_(share) {}

  // Calls `observe` for one request and, perhaps, its feedback.
  template <typename Observe>
  void Step(const Observe& observe) {
    now_ += absl::Milliseconds(10);
    const int user = static_cast<int>(random_() % kUsers);
    const bool is_canary = UnitOf(user, 1) < share_;
    const RevisionQuality& quality = is_canary ? canary_ : active_;
    Observation seen;
    seen.role = is_canary ? TrafficRole::kCanary : TrafficRole::kActive;
    seen.failed = Unit() < quality.failures + quality.not_finite;
    seen.seconds = quality.median_seconds * std::exp(0.3 * normal_(random_));
    // Now and then the machine does something else.
    if (Unit() < 0.01) seen.seconds += 0.005 * Unit();
    seen.surprisal = -std::log1p(-Unit()) * quality.entropy;
    observe(seen);
    if (seen.failed || Unit() >= 0.25) return;
    seen.kind = Observation::Kind::kReward;
    seen.reward = Reward(UnitOf(user, 2) * quality.reward);
    observe(seen);
  }

  absl::Time now() const { return now_; }

 private:
  double Unit() { return uniform_(random_); }
  // A number that a user keeps.
  double UnitOf(int user, int which) const {
    uint64_t x = (salt_ << 34) ^ (static_cast<uint64_t>(user) << 2) ^
                 static_cast<uint64_t>(which);
    // The finalizer of SplitMix64, twice.
    for (int i = 0; i < 2; ++i) {
      x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
      x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
      x ^= x >> 31;
    }
    return static_cast<double>(x >> 11) * 0x1p-53;
  }
  // NDCG@10 of the relevant item's rank; `skill` in [0, 1].
  double Reward(double skill) {
    const double hit = 0.4 + 0.5 * skill;
    int rank = 1;
    while (rank <= 10 && Unit() >= hit * 0.6) ++rank;
    return rank > 10 ? 0.0 : 1.0 / std::log2(rank + 1.0);
  }

  std::mt19937_64 random_;
  std::uniform_real_distribution<double> uniform_;
  std::normal_distribution<double> normal_;
  const uint64_t salt_;
  const RevisionQuality active_;
  const RevisionQuality canary_;
  const double share_;
  absl::Time now_ = absl::FromUnixSeconds(1764000000);
};

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_TRIAL_SIMULATION_H_
