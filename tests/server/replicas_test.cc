// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Three real servers on one real Redis, under load, while Redis is killed, stopped,
// slow, read-only, full and emptied, and servers are killed. ATTUNE_REDIS_FEEDBACK
// says how many acknowledged feedbacks (2,000 by default), ATTUNE_SEED with which
// seed.

#include "tests/server/replicas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "tests/testing/environment.h"
#include "tests/testing/redis_process.h"

namespace attune::server {
namespace {

using ::attune::testing::FreePort;
using ::attune::testing::FromEnvironment;
using ::attune::testing::RedisProcess;

// What the issue promises, with room for a busy machine beneath it.
constexpr absl::Duration kAgreed = absl::Seconds(10);

std::string MustPush(Replicas& replicas, int i, const std::string& tag) {
  const std::string artifact = MakeArtifact(tag);
  EXPECT_TRUE(Push(replicas.control_port(i), artifact, artifact.size()))
      << replicas.log(i);
  return policy::RevisionIdOf(artifact);
}

// Gives orders through any replica, again and again.
class Operator {
 public:
  Operator(Replicas* replicas, std::array<std::string, 2> ids, uint64_t seed)
      : thread_([this, replicas, ids, rng = policy::Rng(seed, 99)]() mutable {
          for (int order = 0; !stopping_; ++order) {
            const int i = static_cast<int>(rng.Below(kReplicas));
            // Another share every time, so that each order changes something.
            const grpc::Status status = replicas->SetTraffic(
                i, ids[0], ids[1], (order % 10000 + 1) / 10001.0);
            ++(status.ok()                                        ? made
               : status.error_code() == grpc::StatusCode::ABORTED ? aborted
               : status.error_code() == grpc::StatusCode::UNAVAILABLE
                   ? unavailable
                   : other);
          }
        }) {}
  ~Operator() { Stop(); }
  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }

  std::atomic<int> made = 0, aborted = 0, unavailable = 0, other = 0;

 private:
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

class ReplicasTest : public ::testing::Test {
 protected:
  // It loses nothing that it has answered, until the test says so.
  ReplicasTest()
      : redis_({"--appendonly", "yes", "--appendfsync", "always"}),
        replicas_(redis_.url()) {}

  // Whether Redis takes what the deliverer of each replica has, or whether none
  // can hand over anything.
  bool AllDeliver(bool deliver) {
    const std::string up =
        absl::StrCat("attune_redis_up{use=\"deliver\"} ", deliver ? 1 : 0);
    return Eventually([&] {
      for (int i = 0; i < kReplicas; ++i) {
        if (replicas_.Metrics(i).find(up) == std::string::npos) return false;
      }
      return true;
    });
  }
  void During(const char* name, const std::function<void()>& begin,
              const std::function<void()>& end) {
    const int before = callers_.acknowledged();
    const absl::Time start = absl::Now();
    begin();
    EXPECT_TRUE(AllDeliver(false)) << name;
    callers_.AwaitMore(step_);
    end();
    EXPECT_TRUE(AllDeliver(true)) << name;
    std::cout << "[ redis   ] " << name << ": "
              << callers_.acknowledged() - before << " acknowledged in "
              << absl::FormatDuration(
                     absl::Trunc(absl::Now() - start, absl::Milliseconds(1)))
              << "\n";
  }
  void KillAndRestart(int i) {
    replicas_.Kill(i);
    callers_.AwaitMore(step_ / 2);
    replicas_.Start(i);
  }

  const int feedback_ = FromEnvironment("ATTUNE_REDIS_FEEDBACK", 2000);
  const int seed_ = FromEnvironment("ATTUNE_SEED", 1);
  const int step_ = std::max(1, feedback_ / 20);
  RedisProcess redis_;
  Replicas replicas_;
  ReplicaCallers callers_{&replicas_, static_cast<uint64_t>(seed_)};
};

TEST_F(ReplicasTest, FaultsOfRedisCostNoPromptAndNoFeedback) {
  const std::string a = MustPush(replicas_, 0, "a");
  const std::string b = MustPush(replicas_, 0, "b");
  ASSERT_LT(replicas_.AwaitAllServe(b), kAgreed);
  ASSERT_TRUE(Eventually(
      [&] { return replicas_.Stored(1) == 2 && replicas_.Stored(2) == 2; }));
  const int64_t before = SequenceIn(redis_);
  StreamReader reader(redis_.options());
  Operator orders(&replicas_, {a, b}, static_cast<uint64_t>(seed_));
  callers_.Start(6);
  callers_.AwaitMore(step_);

  During(
      "killed", [&] { redis_.Kill(); }, [&] { redis_.Start(); });
  During(
      "stopped", [&] { redis_.Pause(); }, [&] { redis_.Resume(); });
  During(
      "read-only",
      [&] {
        redis_.Run({"REPLICAOF", "127.0.0.1", std::to_string(FreePort())});
      },
      [&] {
        redis_.Run({"REPLICAOF", "NO", "ONE"});
      });
  During(
      "full",
      [&] {
        redis_.Run({"CONFIG", "SET", "maxmemory", "1"});
      },
      [&] {
        redis_.Run({"CONFIG", "SET", "maxmemory", "0"});
      });
  for (int i = 0; i < 5; ++i) {
    redis_.Run({"CLIENT", "PAUSE", "300", "ALL"});
    callers_.AwaitMore(step_ / 5);
  }
  KillAndRestart(1);
  orders.Stop();
  // No order that was acknowledged was taken back.
  EXPECT_GT(orders.made, 0);
  EXPECT_EQ(orders.other, 0);
  EXPECT_GE(SequenceIn(redis_), before + orders.made);
  int doubled_before = 0;
  for (const auto& [id, rewards] : reader.rewards()) {
    doubled_before += static_cast<int>(rewards.size()) - 1;
  }
  // Redis forgets everything; and a replica dies before it can give it back.
  redis_.Run({"FLUSHALL"});
  KillAndRestart(2);
  const int left = feedback_ - callers_.acknowledged();
  if (left > 0) callers_.AwaitMore(left);
  callers_.Stop();
  EXPECT_TRUE(
      Eventually([&] { return SequenceIn(redis_) >= before + orders.made; }));

  // One more order, and all serve by it.
  ASSERT_TRUE(
      Eventually([&] { return replicas_.SetTraffic(0, a, "", 0.0).ok(); }));
  const absl::Duration agreed = replicas_.AwaitAllServe(a);
  // Everything arrives.
  int lost = 0, changed = 0, doubled = 0, phantom = 0;
  EXPECT_TRUE(Eventually([&] {
    lost = 0;
    const auto rewards = reader.rewards();
    for (const auto& [id, reward] : callers_.rewards()) {
      lost += rewards.count(id) == 0 ? 1 : 0;
    }
    return lost == 0;
  }));
  for (const auto& [id, rewards] : reader.rewards()) {
    const auto offered = callers_.offered().find(id);
    if (offered == callers_.offered().end()) {
      ++phantom;
    } else if (rewards[0] != offered->second) {
      ++changed;
    }
    doubled += static_cast<int>(rewards.size()) - 1;
  }
  std::cout << "[ redis   ] seed " << seed_ << ": " << callers_.prompts()
            << " prompts, " << callers_.failed_prompts() << " failed, slowest "
            << callers_.slowest_prompt_ms() << " ms; "
            << callers_.rewards().size() << " feedback acknowledged, " << lost
            << " lost, 0 doubled after dedupe (before it " << doubled_before
            << ", and " << doubled << " after Redis forgot everything), "
            << changed << " changed, " << phantom << " phantom; " << orders.made
            << " orders made, " << orders.aborted << " aborted, "
            << orders.unavailable << " unavailable; agreed after "
            << absl::FormatDuration(absl::Trunc(agreed, absl::Milliseconds(1)))
            << "\n";
  EXPECT_EQ(callers_.failed_prompts(), 0);
  EXPECT_EQ(lost + changed + phantom, 0);
  EXPECT_GE(static_cast<int>(callers_.rewards().size()), feedback_);
  EXPECT_LT(agreed, kAgreed);
}

TEST_F(ReplicasTest, AReplicaFiveRevisionsBehindCatchesUp) {
  MustPush(replicas_, 0, "0");
  ASSERT_TRUE(Eventually([&] { return replicas_.Stored(2) == 1; }));
  replicas_.Kill(2);
  std::string last;
  for (const char* tag : {"1", "2", "3", "4", "5"}) {
    last = MustPush(replicas_, 1, tag);
  }
  const absl::Time start = absl::Now();
  replicas_.Start(2);
  // It listens after it has caught up.
  EXPECT_EQ(ActiveRevision(replicas_.data_port(2)), last);
  EXPECT_TRUE(Eventually([&] { return replicas_.Stored(2) == 6; }));
  const absl::Duration took = absl::Now() - start;
  std::cout << "[ redis   ] five revisions behind: caught up in "
            << absl::FormatDuration(absl::Trunc(took, absl::Milliseconds(1)))
            << " with its start\n";
  EXPECT_LT(took, kAgreed);
}

TEST_F(ReplicasTest, StopsByItselfWhatHandsOverAndWhatCannot) {
  callers_.Start(3);
  callers_.AwaitMore(step_);
  callers_.Stop();
  EXPECT_EQ(replicas_.Terminate(0), 0);
  redis_.Pause();
  // The watchdog would end it with another code.
  EXPECT_EQ(replicas_.Terminate(1), 0) << replicas_.log(1);
  redis_.Resume();
  EXPECT_EQ(replicas_.Terminate(2), 0);
  // The second is started again, with what it could not hand over.
  replicas_.Start(1);
  EXPECT_TRUE(Eventually([&] {
    std::map<std::string, int> delivered;
    for (const auto& record : StreamOf(redis_)) {
      if (record.has_feedback()) ++delivered[record.decision_id()];
    }
    for (const auto& [id, reward] : callers_.rewards()) {
      if (delivered[id] != 1) return false;
    }
    return true;
  }));
}

TEST_F(ReplicasTest, TwoPushersAtOnceLoseNoRevision) {
  constexpr int kPushes = 8;
  std::array<std::atomic<int>, 2> activated = {};
  std::vector<std::thread> pushers;
  for (int pusher = 0; pusher < 2; ++pusher) {
    pushers.emplace_back([&, pusher] {
      for (int i = 0; i < kPushes; ++i) {
        const std::string artifact =
            MakeArtifact(std::to_string(pusher) + "-" + std::to_string(i));
        if (Push(replicas_.control_port(pusher), artifact, artifact.size())) {
          ++activated[pusher];
        }
      }
    });
  }
  for (std::thread& thread : pushers) thread.join();
  for (int i = 0; i < kReplicas; ++i) {
    EXPECT_TRUE(Eventually([&] { return replicas_.Stored(i) == 2 * kPushes; }));
  }
  EXPECT_GT(activated[0] + activated[1], 0);
  EXPECT_EQ(SequenceIn(redis_), activated[0] + activated[1]);
  std::cout << "[ redis   ] two pushers: " << activated[0] << " + "
            << activated[1] << " of " << 2 * kPushes
            << " activated, the others aborted\n";
  const auto traffic =
      ParseTraffic(redis_.Run({"GET", "attune:traffic"}).TakeString().value());
  ASSERT_TRUE(traffic.ok());
  EXPECT_LT(replicas_.AwaitAllServe(traffic->state.activations.back()),
            kAgreed);
}

}  // namespace
}  // namespace attune::server
