// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/guardrail_monitor.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/log.h"
#include "server/thread_class.h"

namespace attune::server {
namespace {

GuardrailStats::Arm ArmOf(const ArmCounts& counts) {
  return {.decisions = counts.failures.count(),
          .failures = counts.failures.mean(),
          .rewards = counts.reward.count(),
          .reward = counts.reward.mean(),
          .entropy = counts.surprisal.mean() / kSurprisalScale};
}

double SurprisalOf(const policy::Catalog& catalog,
                   const policy::Choice& choice) {
  double seen = 0.0;
  double largest = 0.0;
  for (size_t k = 0; k < choice.patterns.size(); ++k) {
    seen -= std::log(static_cast<double>(choice.patterns[k].probability));
    largest +=
        std::log(static_cast<double>(catalog.patterns[k].options.size()));
  }
  return largest > 0.0 ? std::max(seen, 0.0) / largest : -1.0;
}

}  // namespace

GuardrailMonitor::GuardrailMonitor(Options options)
    : options_(options), queue_(options.queue_capacity) {
  if (options_.interval > absl::ZeroDuration()) {
    thread_ = std::thread([this] { Run(); });
  }
}

GuardrailMonitor::~GuardrailMonitor() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void GuardrailMonitor::Observe(Observation observation) {
  if (queue_.TryPush(std::move(observation))) return;
  dropped_.fetch_add(1, std::memory_order_relaxed);
}

void GuardrailMonitor::ObserveReward(const UserPseudonym& user,
                                     const DecisionId& decision_id,
                                     std::string_view revision_id,
                                     float reward) {
  const TrafficSnapshot& traffic = *options_.registry->Traffic();
  if (!traffic.on_trial()) return;
  const TrafficRole role = Route(traffic, user, decision_id);
  if (traffic.In(role)->id() != revision_id) return;
  Observe({.kind = Observation::Kind::kReward,
           .role = role,
           .trial = traffic.trial,
           .reward = reward});
}

void GuardrailMonitor::Run() {
  JoinThreadClass(ThreadClass::kSparing);
  std::unique_lock<std::mutex> lock(mutex_);
  while (!wake_.wait_for(lock, absl::ToChronoMicroseconds(options_.interval),
                         [this] { return stopping_; })) {
    lock.unlock();
    Pump();
    lock.lock();
  }
}

void GuardrailMonitor::FollowTraffic() {
  const TrafficSnapshot& traffic = *options_.registry->Traffic();
  if (!traffic.on_trial()) {
    trial_.reset();
  } else if (!trial_.has_value() || trial_->number != traffic.trial) {
    trial_.emplace(options_.limits, traffic.trial);
  }
}

void GuardrailMonitor::Pump() {
  std::lock_guard<std::mutex> lock(mutex_);
  FollowTraffic();
  Observation seen;
  // Requests may push as fast as we take out; what they push now can wait.
  for (size_t left = queue_.capacity(); left > 0 && queue_.TryPop(&seen);
       --left) {
    // A trial may have begun since we looked.
    if (!trial_.has_value() || seen.trial != trial_->number) FollowTraffic();
    if (!trial_.has_value() || seen.trial != trial_->number) continue;
    (seen.role == TrafficRole::kCanary ? trial_->canary : trial_->active)
        .Add(seen);
  }
  if (!trial_.has_value()) return;
  const Verdict verdict =
      Judge(options_.limits, trial_->canary, trial_->active);
  if (verdict.roll_back()) RollBack(verdict);
}

void GuardrailMonitor::RollBack(const Verdict& verdict) {
  const char* guardrail = GuardrailName(verdict.guardrail);
  const std::string canary = options_.registry->Plan().canary;
  const absl::Status status = options_.registry->EndTrial(
      trial_->number,
      {.who = "guardrails",
       .reason = absl::StrCat(guardrail, ": ", verdict.reason)});
  Log(LogLevel::kWarning,
      status.ok() ? "canary rolled back" : "cannot roll back the canary",
      {{"revision", canary},
       {"guardrail", guardrail},
       {"reason", verdict.reason},
       {"result", status.ToString()}});
  if (!status.ok()) return;
  rollbacks_[static_cast<int>(verdict.guardrail)].fetch_add(
      1, std::memory_order_relaxed);
  trial_.reset();
}

GuardrailStats GuardrailMonitor::stats() const {
  GuardrailStats stats;
  for (int i = 0; i < kGuardrails; ++i) {
    stats.rollbacks[i] = rollbacks_[i].load(std::memory_order_relaxed);
  }
  stats.dropped = dropped_.load(std::memory_order_relaxed);
  std::lock_guard<std::mutex> lock(mutex_);
  if (!trial_.has_value()) return stats;
  stats.canary = ArmOf(trial_->canary);
  stats.active = ArmOf(trial_->active);
  return stats;
}

DecisionProbe::DecisionProbe(GuardrailMonitor* monitor,
                             const TrafficSnapshot& traffic, TrafficRole role)
    : monitor_(traffic.on_trial() && role != TrafficRole::kNamed ? monitor
                                                                 : nullptr) {
  if (monitor_ == nullptr) return;
  start_ = std::chrono::steady_clock::now();
  observation_.role = role;
  observation_.trial = traffic.trial;
  observation_.failed = true;
}

DecisionProbe::~DecisionProbe() {
  if (monitor_ == nullptr) return;
  observation_.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_)
          .count();
  monitor_->Observe(observation_);
}

void DecisionProbe::Succeed(const policy::Catalog& catalog,
                            const policy::Choice& choice,
                            policy::DecisionMode mode) {
  if (monitor_ == nullptr) return;
  observation_.failed = !choice.is_finite;
  if (mode == policy::DecisionMode::kGreedy) return;
  observation_.surprisal = SurprisalOf(catalog, choice);
}

}  // namespace attune::server
