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
#include <string>
#include <thread>
#include <vector>

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
  static std::unique_ptr<RevisionRegistry> Open(const TempDir& dir,
                                                SharedStore* shared) {
    return RevisionRegistry::Open(
               {.directory = dir.path(),
                .uniform = policy::Revision::Uniform(
                    policy::Catalog::Parse(TaggedCatalogYaml("uniform"))
                        .value(),
                    policy::Readout::kLikelihood),
                .shared = shared})
        .value();
  }
  RedisSettings Settings() const {
    RedisSettings settings = {.connection = redis_.options()};
    settings.connection.command_timeout = absl::Seconds(30);
    settings.connection.backoff = {.least = absl::ZeroDuration(),
                                   .most = absl::ZeroDuration()};
    return settings;
  }
  Follower::Options FollowerOptions() {
    return {Settings(), &stats_, registry_.get(), &uploads_};
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
  const std::unique_ptr<RevisionRegistry> registry_ = Open(dir_, &shared_);
  UploadArea uploads_{registry_->incoming_directory(), 1 << 20};
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

// A server has three revisions to fetch, and puts three into an emptied Redis.
TEST_F(RedisStoreTest, OrdersDoNotWaitForRevisionsThatTheyDoNotNeed) {
  std::vector<std::string> ids;
  for (const char* tag : {"a", "b", "c", "d", "e"}) {
    ids.push_back(Add(tag));
    ASSERT_TRUE(registry_->Share(ids.back()).ok());
  }
  ASSERT_TRUE(registry_->Activate(ids[3]).ok());
  ASSERT_TRUE(registry_->Activate(ids[4]).ok());
  const TempDir dir;
  const auto late = Open(dir, nullptr);
  UploadArea uploads(late->incoming_directory(), 1 << 20);
  Follower follower({Settings(), &stats_, late.get(), &uploads});
  ASSERT_TRUE(follower.CatchUp().ok());
  EXPECT_EQ(late->Plan().active, ids[4]);
  EXPECT_TRUE(follower.Turn());
  EXPECT_EQ(late->List().size(), 2u);
  ASSERT_TRUE(registry_->Rollback().ok());
  EXPECT_TRUE(follower.Turn());
  EXPECT_EQ(late->Plan().active, ids[3]);
  EXPECT_EQ(late->List().size(), 4u);
  EXPECT_TRUE(follower.Turn());
  EXPECT_FALSE(follower.Turn());
  EXPECT_EQ(late->List().size(), 5u);

  redis_.Run({"FLUSHALL"});
  const auto in_redis = [&] {
    return redis_.Run({"HLEN", "attune:revisions"}).Int().value();
  };
  EXPECT_TRUE(follower.Turn());
  EXPECT_EQ(SequenceIn(redis_), 3);
  EXPECT_EQ(in_redis(), 2);
  while (follower.Turn()) {
  }
  EXPECT_EQ(in_redis(), 5);
}

// Nobody announces anything, and a turn comes once an hour.
TEST_F(RedisStoreTest, TheNextTurnComesAtOnceWhileThereIsMore) {
  for (const char* tag : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(registry_->Share(Add(tag)).ok());
  }
  const TempDir dir;
  const auto late = Open(dir, nullptr);
  UploadArea uploads(late->incoming_directory(), 1 << 20);
  Follower follower(
      {Settings(), &stats_, late.get(), &uploads, absl::Hours(1)});
  follower.Start();
  EXPECT_TRUE(Eventually([&] { return late->List().size() == 4; }));
}

// A server that decided to put a revision back before another one deleted it.
TEST_F(RedisStoreTest, PuttingBackUndoesNoDeletion) {
  const std::string id = Add("deleted");
  const StoredRevision stored = registry_->Get(id).value();
  const SharedRevision record = RecordOf(stored);
  const std::string path = registry_->PathOf(id);
  RedisStore other(Settings(), RedisUse::kFollow, &stats_);
  const auto is_there = [&] {
    return redis_.Run({"HEXISTS", "attune:revisions", id}).Int().value() == 1;
  };
  ASSERT_TRUE(other.Restore(record, path).ok());
  EXPECT_TRUE(is_there());
  ASSERT_TRUE(other.Exchange(0, {.state = {.sequence = 1}}, {}, &stored).ok());
  EXPECT_TRUE(absl::IsNotFound(other.Restore(record, path)));
  EXPECT_FALSE(is_there());
  // Nor does a push that does not get to its end.
  EXPECT_FALSE(other.Publish(record, path + ".none").ok());
  EXPECT_EQ(other.Read().value()->deleted.size(), 1u);
  // What was pushed after the deletion is another matter, and so is a push.
  SharedRevision later = record;
  later.push_time = absl::Now() + absl::Minutes(1);
  EXPECT_TRUE(other.Restore(later, path).ok());
  EXPECT_TRUE(is_there());
  redis_.Run({"HDEL", "attune:revisions", id});
  EXPECT_TRUE(other.Publish(record, path).ok());
  EXPECT_TRUE(other.Read().value()->deleted.empty());
  redis_.Run({"HDEL", "attune:revisions", id});
  EXPECT_TRUE(other.Restore(record, path).ok());
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
