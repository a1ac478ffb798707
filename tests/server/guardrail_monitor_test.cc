// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/guardrail_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/server/samples.h"
#include "tests/server/trial_simulation.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::testing::HasSubstr;

class GuardrailMonitorTest : public ::testing::Test {
 protected:
  GuardrailMonitorTest() {
    uniform_ = policy::Revision::Uniform(
        *policy::Catalog::Parse(TaggedCatalogYaml("uniform")),
        policy::Readout::kLabels);
    Open();
    canary_ = Add("canary");
    BeginTrial();
  }

  void Open() {
    monitor_.reset();
    registry_.reset();
    auto opened = RevisionRegistry::Open({directory(), uniform_});
    ASSERT_THAT(opened, IsOk());
    registry_ = *std::move(opened);
    monitor_ = std::make_unique<GuardrailMonitor>(GuardrailMonitor::Options{
        .registry = registry_.get(), .interval = absl::ZeroDuration()});
  }

  std::string Add(const std::string& tag) {
    const auto stored = registry_->Add(dir_.Write("part", MakeArtifact(tag)));
    EXPECT_THAT(stored, IsOk());
    return stored->revision->id();
  }

  void BeginTrial(double share = 0.5) {
    EXPECT_THAT(registry_->SetTraffic({.active = uniform_->id(),
                                       .canary = canary_,
                                       .canary_share = share}),
                IsOk());
  }

  // Requests of a canary that fails; true if it was rolled back.
  bool FailUntilRolledBack(int requests) {
    TrialSimulation simulation(1, {}, {.failures = 0.5}, 0.5);
    for (int i = 0; i < requests; ++i) {
      simulation.Step([&](Observation seen) {
        seen.trial = registry_->Traffic()->trial;
        monitor_->Observe(seen);
      });
      if (i % 100 == 0) monitor_->Pump();
      if (!registry_->Traffic()->on_trial()) return true;
    }
    return false;
  }

  std::string directory() const { return dir_.path() + "/revisions"; }
  std::string Audit() const { return ReadFile(directory() + "/audit.jsonl"); }

  TempDir dir_;
  std::shared_ptr<const policy::Revision> uniform_;
  std::string canary_;
  std::unique_ptr<RevisionRegistry> registry_;
  std::unique_ptr<GuardrailMonitor> monitor_;
};

TEST_F(GuardrailMonitorTest, ARollbackIsAuditedAndSurvivesARestart) {
  ASSERT_TRUE(FailUntilRolledBack(20000));
  EXPECT_EQ(monitor_->stats().rollbacks[static_cast<int>(Guardrail::kErrors)],
            1);
  EXPECT_FALSE(monitor_->stats().canary.has_value());
  EXPECT_THAT(Audit(), HasSubstr("\"guardrail_rollback\",\"who\":"
                                 "\"guardrails\",\"reason\":\"errors: "));
  EXPECT_THAT(VerifyAuditLog(Audit()), IsOk());
  Open();
  EXPECT_EQ(registry_->Plan(), TrafficPlan{.active = uniform_->id()});
}

TEST_F(GuardrailMonitorTest, TriesAgainIfTheDiskRefuses) {
  const std::string in_the_way = directory() + "/state.json.tmp";
  std::filesystem::create_directories(in_the_way + "/x");
  EXPECT_FALSE(FailUntilRolledBack(5000));
  std::filesystem::remove_all(in_the_way);
  monitor_->Pump();
  EXPECT_FALSE(registry_->Traffic()->on_trial());
}

TEST_F(GuardrailMonitorTest, ForgetsWhatItSawOfAnotherTrial) {
  const int64_t before = registry_->Traffic()->trial;
  for (int i = 0; i < 1000; ++i) {
    monitor_->Observe({.role = TrafficRole::kCanary,
                       .trial = before,
                       .failed = true,
                       .seconds = 1e-5});
  }
  BeginTrial(0.6);
  monitor_->Pump();
  ASSERT_TRUE(monitor_->stats().canary.has_value());
  EXPECT_EQ(monitor_->stats().canary->decisions, 0);
  EXPECT_TRUE(registry_->Traffic()->on_trial());
}

TEST_F(GuardrailMonitorTest, NeverEndsAnotherTrial) {
  const int64_t before = registry_->Traffic()->trial;
  BeginTrial(0.6);
  EXPECT_EQ(registry_->EndTrial(before, {}).code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(registry_->Traffic()->on_trial());
}

// A decision that named the canary says nothing about a share of users.
TEST_F(GuardrailMonitorTest, CountsRewardsOfWhoIsServedByTheirRevision) {
  std::array<uint8_t, 8> user = {};
  int canary_users = 0;
  for (int i = 1; i <= 100; ++i) {
    user[0] = static_cast<uint8_t>(i);
    canary_users +=
        Route(*registry_->Traffic(), user, {}) == TrafficRole::kCanary;
    monitor_->ObserveReward(user, {}, canary_, 0.25F);
    monitor_->ObserveReward(user, {}, "stranger", 1.0F);
  }
  monitor_->Pump();
  EXPECT_GT(canary_users, 0);
  EXPECT_LT(canary_users, 100);
  EXPECT_EQ(monitor_->stats().canary->rewards, canary_users);
  EXPECT_EQ(monitor_->stats().canary->reward, 0.25);
  EXPECT_EQ(monitor_->stats().active->rewards, 0);
}

TEST_F(GuardrailMonitorTest, DropsAndCountsWhatFindsTheQueueFull) {
  GuardrailMonitor small({.registry = registry_.get(),
                          .queue_capacity = 4,
                          .interval = absl::ZeroDuration()});
  for (int i = 0; i < 10; ++i) small.Observe({});
  EXPECT_EQ(small.stats().dropped, 6);
}

}  // namespace
}  // namespace attune::server
