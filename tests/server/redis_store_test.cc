// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// One server's registry, its store in the real Redis, and its follower, without
// the server around them.

#include "server/redis_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "server/follower.h"
#include "server/revision_registry.h"
#include "tests/server/eventually.h"
#include "tests/server/redis_contents.h"
#include "tests/server/samples.h"
#include "tests/server/tagged_catalog.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/redis_process.h"

namespace attune::server {
namespace {

using ::attune::testing::RedisProcess;
using ::testing::HasSubstr;

class RedisStoreTest : public ::testing::Test {
 protected:
  RedisStoreTest() {
    registry_ =
        RevisionRegistry::Open(
            {.directory = dir_.path(),
             .uniform = policy::Revision::Uniform(
                 policy::Catalog::Parse(TaggedCatalogYaml("uniform")).value(),
                 policy::Readout::kLikelihood),
             .shared = &shared_})
            .value();
    uploads_.emplace(registry_->incoming_directory(), 1 << 20);
  }

  RedisSettings Settings() const {
    RedisSettings settings = {.connection = redis_.options()};
    settings.connection.command_timeout = absl::Seconds(30);
    settings.connection.backoff = {.least = absl::ZeroDuration(),
                                   .most = absl::ZeroDuration()};
    return settings;
  }
  Follower::Options FollowerOptions() {
    return {Settings(), &stats_, registry_.get(), &*uploads_};
  }
  // Returns the id.
  std::string Add(const std::string& tag) {
    const std::string part = registry_->incoming_directory() + "/part";
    std::ofstream(part, std::ios::binary) << MakeArtifact(tag);
    const auto stored = registry_->Add(part);
    EXPECT_TRUE(stored.ok()) << stored.status();
    return stored->revision->id();
  }
  // A trial of a revision that is shared; returns the canary's id.
  std::string BeginTrial() {
    const std::string canary = Add("canary");
    EXPECT_TRUE(registry_->Share(canary).ok());
    TrafficPlan plan = registry_->Plan();
    plan.canary = canary;
    plan.canary_share = 0.5;
    EXPECT_TRUE(registry_->SetTraffic(plan).ok());
    return canary;
  }

  RedisProcess redis_;
  const TempDir dir_;
  RedisStats stats_;
  RedisSharedStore shared_{Settings(), &stats_};
  std::unique_ptr<RevisionRegistry> registry_;
  std::optional<UploadArea> uploads_;
};

// What a guardrail ends while the others cannot be asked ends here at once, and for
// all when they can.
TEST_F(RedisStoreTest, AGuardrailDoesNotWaitForRedis) {
  const std::string canary = BeginTrial();
  redis_.Pause();
  redis_.Kill();
  EXPECT_TRUE(registry_->EndTrial(1, {.who = "guardrails"}).ok());
  EXPECT_FALSE(registry_->Traffic()->on_trial());
  EXPECT_EQ(registry_->State().canary, canary);
  EXPECT_TRUE(absl::IsUnavailable(registry_->RetryEndTrial()));
  EXPECT_FALSE(registry_->Traffic()->on_trial());
  // The one that is in the trial of the others cannot be deleted.
  EXPECT_TRUE(absl::IsFailedPrecondition(registry_->Delete(canary)));
  redis_.Start();
  Follower follower(FollowerOptions());
  follower.Start();
  EXPECT_TRUE(Eventually([&] { return registry_->State().canary.empty(); }));
  EXPECT_EQ(SequenceIn(redis_), 2);
  const std::string audit = ReadFile(dir_.path() + "/audit.jsonl");
  EXPECT_THAT(audit, HasSubstr("guardrail_suspension"));
  EXPECT_TRUE(VerifyAuditLog(audit).ok());
}

// Redis answers, and has a traffic that this server cannot take over.
TEST_F(RedisStoreTest, AGuardrailDoesNotWaitForAgreement) {
  const std::string canary = BeginTrial();
  redis_.Run({"SET", "attune:traffic",
              PrintTraffic({.state = {.activations = {"nobody-has-it"},
                                      .sequence = 7,
                                      .trial = 7}})});
  Follower follower(FollowerOptions());
  EXPECT_TRUE(follower.CatchUp().ok());
  EXPECT_TRUE(registry_->EndTrial(1, {.who = "guardrails"}).ok());
  EXPECT_FALSE(registry_->Traffic()->on_trial());
  EXPECT_EQ(registry_->State().canary, canary);
  EXPECT_TRUE(absl::IsAborted(registry_->RetryEndTrial()));
  EXPECT_FALSE(registry_->Traffic()->on_trial());
  redis_.Run({"DEL", "attune:traffic"});
  follower.Start();
  EXPECT_TRUE(Eventually([&] { return registry_->State().canary.empty(); }));
  EXPECT_EQ(SequenceIn(redis_), 2);
}

// Redis answers what reads and lets what writes wait: a push that is under way.
TEST_F(RedisStoreTest, AnOrderDoesNotWaitForAPush) {
  const std::string id = Add("pushed");
  redis_.Run({"CLIENT", "PAUSE", "60000", "WRITE"});
  std::atomic<bool> is_pushed = false;
  std::thread push([&] {
    EXPECT_TRUE(registry_->Share(id).ok());
    is_pushed = true;
  });
  EXPECT_TRUE(Eventually([&] {
    const auto info = redis_.Run({"INFO", "clients"}).TakeString().value();
    return info.find("blocked_clients:1") != std::string::npos;
  }));
  EXPECT_TRUE(shared_.Confirm(0).ok());
  EXPECT_FALSE(is_pushed);
  redis_.Run({"CLIENT", "UNPAUSE"});
  push.join();
}

// The one who reads and the one who exchanges judge a record alike, whatever it says.
TEST_F(RedisStoreTest, ADamagedTrafficCountsAsNone) {
  BeginTrial();
  Follower follower(FollowerOptions());
  follower.Start();
  for (const char* damaged :
       {"", "nonsense", R"({"sequence":1,"state":{}})", R"({"sequence":7})",
        R"({"sequence":0,"state":{"format":1,"activations":[]}})"}) {
    redis_.Run({"SET", "attune:traffic", damaged});
    EXPECT_TRUE(
        Eventually([&] { return SequenceIn(redis_) == 1; }, absl::Seconds(5)))
        << damaged;
  }
}

}  // namespace
}  // namespace attune::server
