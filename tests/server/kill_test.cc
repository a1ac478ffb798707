// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What an acknowledgement is worth: the server is killed with -9 while feedback
// is recorded and revisions are pushed, again and again over the same files.
// ATTUNE_KILLS says how often (10 by default), ATTUNE_SEED with which seed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/escaping.h"
#include "policy/random.h"
#include "server/log_reader.h"
#include "server/sqlite.h"
#include "tests/server/acknowledgements.h"
#include "tests/server/process.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/environment.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::FromEnvironment;
using ::attune::testing::IsOk;
using ::testing::SizeIs;

// What the callers know of a decision.
struct Known {
  std::string token;
  // Every reward that was sent for it.
  std::vector<float> offered;
  // The one that was acknowledged first; negative if none was.
  float acknowledged = -1.0F;
};

// Callers that ask for prompts and report rewards until the server dies.
class Callers {
 public:
  explicit Callers(uint64_t seed) : seed_(seed) {}

  void Start(int port, int round) {
    acknowledgements_.Reset();
    for (uint64_t i = 0; i < 3; ++i) {
      threads_.emplace_back(
          [this, port, rng = policy::Rng(seed_ + round, i)]() mutable {
            Run(port, rng);
          });
    }
  }
  void AwaitAcknowledged(int count) { acknowledgements_.Await(count); }
  void Join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  std::map<std::string, Known>& known() { return known_; }
  int contradictions() const { return contradictions_; }

 private:
  void Run(int port, policy::Rng& rng) {
    auto stub = v1::PromptService::NewStub(Connect(port));
    while (true) {
      grpc::ClientContext context;
      v1::GetPromptResponse prompt;
      v1::GetPromptRequest request = SampleRequest(2, 3);
      request.set_user_id("user-" + std::to_string(rng.Below(100)));
      if (!stub->GetPrompt(&context, request, &prompt).ok()) return;
      // Some feedback comes twice, with another reward.
      for (uint32_t calls = 1 + rng.Below(2); calls > 0; --calls) {
        if (!Report(*stub, prompt,
                    static_cast<float>(rng.Below(1001)) / 1000)) {
          return;
        }
      }
    }
  }

  bool Report(v1::PromptService::Stub& stub,
              const v1::GetPromptResponse& prompt, float reward) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      Known& known = known_[prompt.decision_id()];
      known.token = prompt.decision_token();
      known.offered.push_back(reward);
    }
    grpc::ClientContext context;
    v1::RecordFeedbackRequest request;
    v1::RecordFeedbackResponse response;
    request.set_decision_token(prompt.decision_token());
    request.set_reward(reward);
    if (!stub.RecordFeedback(&context, request, &response).ok()) return false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      Known& known = known_[prompt.decision_id()];
      if (known.acknowledged < 0.0F) known.acknowledged = response.reward();
      if (known.acknowledged != response.reward()) ++contradictions_;
    }
    acknowledgements_.Add();
    return true;
  }

  const uint64_t seed_;
  std::vector<std::thread> threads_;
  Acknowledgements acknowledgements_;
  std::mutex mutex_;
  // Guarded by mutex_ while threads run.
  std::map<std::string, Known> known_;
  int contradictions_ = 0;
};

// Pushes and activates one revision after another until the server dies.
class Pusher {
 public:
  void Start(int port) {
    thread_ = std::thread([this, port] {
      do {
        tried_ = MakeArtifact(std::to_string(pushes_++ % kArtifacts));
      } while (Push(port, tried_, tried_.size()) && Acknowledge());
    });
  }
  void Join() { thread_.join(); }

  // Whether this revision may be active after a restart: the last one that was
  // acknowledged or seen active, or the one whose answer did not come.
  bool MayBeActive(const std::string& id) {
    const bool expected =
        settled_.empty() ? id.rfind("uniform-", 0) == 0 : id == settled_;
    const bool unanswered = id == policy::RevisionIdOf(tried_);
    settled_ = id;
    return expected || unanswered;
  }
  int pushes() const { return pushes_; }

 private:
  // Each is verified again at every start.
  static constexpr int kArtifacts = 100;

  bool Acknowledge() {
    settled_ = policy::RevisionIdOf(tried_);
    return true;
  }

  std::thread thread_;
  // The thread's while it runs.
  int pushes_ = 0;
  std::string tried_;
  std::string settled_;
};

std::vector<std::string> Settings(const TempDir& dir) {
  return {"--catalog",           Catalog(dir),
          "--token_key_file",    dir.Write("key", std::string(64, 'a')),
          "--log_level",         "warning",
          "--shutdown_deadline", "100ms"};
}

std::string LogPath(const TempDir& dir) {
  return dir.path() + "/revisions/log/decisions.db";
}

// Rewards by decision id, as the file has them.
std::map<std::string, std::vector<float>> StoredRewards(const TempDir& dir) {
  std::map<std::string, std::vector<float>> rewards;
  auto database =
      Database::Open(LogPath(dir), Database::Mode::kCreate, nullptr);
  EXPECT_THAT(database.status(), IsOk());
  EXPECT_EQ((*database)
                ->QueryInt("SELECT count(*) FROM pragma_integrity_check"
                           " WHERE integrity_check <> 'ok'")
                .value_or(-1),
            0);
  auto rows = (*database)->Prepare("SELECT decision, record FROM feedback");
  EXPECT_THAT(rows.status(), IsOk());
  while (rows->Step().value_or(false)) {
    v1::LoggedFeedback feedback;
    EXPECT_TRUE(feedback.ParseFromString(rows->Blob(1)));
    rewards[absl::BytesToHexString(rows->Blob(0))].push_back(feedback.reward());
  }
  return rewards;
}

TEST(KillTest, LosesAndDoublesNothingThatWasAcknowledged) {
  const int kills = FromEnvironment("ATTUNE_KILLS", 10);
  const int seed = FromEnvironment("ATTUNE_SEED", 1);
  const TempDir dir;
  Callers callers(static_cast<uint64_t>(seed));
  Pusher pusher;
  int wrong_revisions = 0;
  policy::Rng rng(static_cast<uint64_t>(seed));
  for (int round = 0; round < kills; ++round) {
    Process process(dir, Settings(dir));
    const std::string ports = process.ReadLine();
    const int port = PortIn(ports, "data_port");
    ASSERT_GT(port, 0) << process.log();
    if (!pusher.MayBeActive(ActiveRevision(port))) ++wrong_revisions;
    callers.Start(port, round);
    pusher.Start(PortIn(ports, "control_port"));
    callers.AwaitAcknowledged(1 + static_cast<int>(rng.Below(100)));
    process.Signal(SIGKILL);
    callers.Join();
    pusher.Join();
  }
  const auto stored = StoredRewards(dir);
  int acknowledged = 0, lost = 0, doubled = 0, changed = 0, phantom = 0;
  for (const auto& [id, known] : callers.known()) {
    if (known.acknowledged < 0.0F) continue;
    ++acknowledged;
    const auto found = stored.find(id);
    if (found == stored.end()) {
      ++lost;
    } else if (found->second.size() != 1) {
      ++doubled;
    } else if (found->second[0] != known.acknowledged) {
      ++changed;
    }
  }
  for (const auto& [id, rewards] : stored) {
    const auto known = callers.known().find(id);
    const bool offered =
        known != callers.known().end() &&
        std::count(known->second.offered.begin(), known->second.offered.end(),
                   rewards[0]) > 0;
    if (!offered) ++phantom;
  }
  std::cout << "[ kill -9 ] " << kills << " kills, seed " << seed << ": "
            << acknowledged << " decisions with acknowledged feedback, " << lost
            << " lost, " << doubled << " doubled, " << changed << " changed, "
            << phantom << " phantom, " << callers.contradictions()
            << " contradicted; " << pusher.pushes() << " pushes, "
            << wrong_revisions << " wrong revisions\n";
  EXPECT_GE(acknowledged, kills);
  EXPECT_GE(pusher.pushes(), kills);
  EXPECT_EQ(wrong_revisions, 0);
  EXPECT_EQ(lost + doubled + changed + phantom + callers.contradictions(), 0);
}

TEST(KillTest, AfterwardsARepeatedFeedbackIsAnsweredWithTheFirst) {
  const TempDir dir;
  Callers callers(7);
  {
    Process process(dir, Settings(dir));
    callers.Start(PortIn(process.ReadLine(), "data_port"), 0);
    callers.AwaitAcknowledged(50);
    process.Signal(SIGKILL);
    callers.Join();
  }
  Process process(dir, Settings(dir));
  auto stub = v1::PromptService::NewStub(
      Connect(PortIn(process.ReadLine(), "data_port")));
  for (const auto& [id, known] : callers.known()) {
    if (known.acknowledged < 0.0F) continue;
    grpc::ClientContext context;
    v1::RecordFeedbackRequest request;
    v1::RecordFeedbackResponse response;
    request.set_decision_token(known.token);
    request.set_reward(known.acknowledged > 0.5F ? 0.0F : 1.0F);
    ASSERT_TRUE(stub->RecordFeedback(&context, request, &response).ok());
    EXPECT_EQ(response.reward(), known.acknowledged);
    EXPECT_TRUE(response.duplicate());
  }
}

TEST(KillTest, SigtermWritesEveryDecision) {
  constexpr int kPrompts = 300;
  const TempDir dir;
  Process process(dir, Settings(dir));
  auto stub = v1::PromptService::NewStub(
      Connect(PortIn(process.ReadLine(), "data_port")));
  for (int i = 0; i < kPrompts; ++i) {
    grpc::ClientContext context;
    v1::GetPromptResponse response;
    ASSERT_TRUE(stub->GetPrompt(&context, SampleRequest(), &response).ok());
  }
  process.Signal(SIGTERM);
  ASSERT_EQ(process.Wait(), 0) << process.log();
  const auto page = ReadDecisions(LogPath(dir), nullptr, 0, 1000, false);
  ASSERT_THAT(page, IsOk());
  EXPECT_THAT(page->response.decisions(), SizeIs(kPrompts));
  EXPECT_EQ(ReadFile(LogPath(dir) + "-wal"), "");
}

}  // namespace
}  // namespace attune::server
