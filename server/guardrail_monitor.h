// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_GUARDRAIL_MONITOR_H_
#define ATTUNE_SERVER_GUARDRAIL_MONITOR_H_

// Watches a canary's trial and ends it when a guardrail says so (guardrails.h).
//
// Requests push what they saw into a bounded queue; a thread of the monitor's
// takes it out, counts it for the trial that is under way and asks Judge(). A
// rollback goes through the registry, so it is audited and survives a restart;
// if the disk refuses, it is tried again at the next turn. What was seen is
// forgotten when active, canary or share change, and when the server restarts.
//
// Life cycle: borrows the registry, which must outlive it; the destructor joins.
// Thread-safe. Observe() takes no lock and makes no system call; observations
// that find the queue full are dropped and counted.

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/time/time.h"
#include "policy/bounded_queue.h"
#include "policy/catalog.h"
#include "policy/choice.h"
#include "server/decision_token.h"
#include "server/guardrails.h"
#include "server/revision_registry.h"

namespace attune::server {

struct GuardrailStats {
  // Since the start, by Guardrail.
  std::array<int64_t, kGuardrails> rollbacks = {};
  int64_t dropped = 0;
  // Of the trial that is under way; empty if none is.
  struct Arm {
    int64_t decisions = 0;
    double failures = 0.0;
    int64_t rewards = 0;
    double reward = 0.0;
    double entropy = 0.0;
  };
  std::optional<Arm> canary;
  std::optional<Arm> active;
};

class GuardrailMonitor {
 public:
  struct Options {
    RevisionRegistry* registry;
    GuardrailLimits limits = {};
    size_t queue_capacity = size_t{1} << 14;
    // How long observations gather. Zero: there is no thread, and only Pump()
    // looks at them.
    absl::Duration interval = absl::Milliseconds(100);
  };

  explicit GuardrailMonitor(Options options);
  ~GuardrailMonitor();
  GuardrailMonitor(const GuardrailMonitor&) = delete;
  GuardrailMonitor& operator=(const GuardrailMonitor&) = delete;

  void Observe(Observation observation);
  // A reward that was recorded for the first time. Counts if a trial is under
  // way and the decision's revision is the one that serves its user: decisions
  // that named their revision say nothing about a share of users.
  void ObserveReward(const UserPseudonym& user, const DecisionId& decision_id,
                     std::string_view revision_id, float reward);

  // Takes in what waits and judges.
  void Pump();

  GuardrailStats stats() const;

 private:
  struct Trial {
    explicit Trial(const GuardrailLimits& limits, int64_t number)
        : number(number), canary(limits), active(limits) {}
    int64_t number;
    ArmCounts canary;
    ArmCounts active;
  };

  void Run();
  void FollowTraffic();
  void RollBack(const Verdict& verdict);

  const Options options_;
  policy::BoundedQueue<Observation> queue_;
  std::atomic<int64_t> dropped_{0};
  std::array<std::atomic<int64_t>, kGuardrails> rollbacks_ = {};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;       // guarded by mutex_
  std::optional<Trial> trial_;  // guarded by mutex_
  std::thread thread_;
};

// Measures one decision of a trial; does nothing without one. A decision that
// did not succeed by the end of its probe has failed.
class DecisionProbe {
 public:
  // Null: nobody watches. What is given must outlive the probe, but for
  // `traffic`.
  DecisionProbe(GuardrailMonitor* monitor, const TrafficSnapshot& traffic,
                TrafficRole role);
  ~DecisionProbe();
  DecisionProbe(const DecisionProbe&) = delete;
  DecisionProbe& operator=(const DecisionProbe&) = delete;

  void Succeed(const policy::Catalog& catalog, const policy::Choice& choice,
               policy::DecisionMode mode);

 private:
  GuardrailMonitor* const monitor_;
  std::chrono::steady_clock::time_point start_;
  Observation observation_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_GUARDRAIL_MONITOR_H_
