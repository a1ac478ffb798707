// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Trainings whose rankings come from `attune_trainer worker` processes that are
// killed at random moments: the same bytes as a training by itself.
//
// ATTUNE_WORKER_RANKINGS: of each training (CI: 96).
// ATTUNE_WORKER_SEED: of the moments.

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/digest.h"
#include "policy/random.h"
#include "tests/testing/environment.h"
#include "tests/testing/redis_process.h"
#include "tests/trainer/trainer_process.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FromEnvironment;
using ::attune::testing::ReadAll;
using ::attune::testing::RedisProcess;
using ::attune::testing::TrainerProcess;
using ::testing::HasSubstr;

constexpr int kSeed = 5;
constexpr int kWorkers = 2;
constexpr absl::Duration kLongEnough = absl::Minutes(5);

class WorkersProcessTest : public ::testing::TestWithParam<const char*> {
 protected:
  WorkersProcessTest() {
    std::string pattern = ::testing::TempDir() + "attune-workers-XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~WorkersProcessTest() override { std::filesystem::remove_all(root_); }

  std::vector<std::string> Training(const std::string& out,
                                    const std::string& learner,
                                    int budget) const {
    return {"train",
            "--backend=sim",
            "--catalog=" ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml",
            "--learner=" + learner,
            absl::StrCat("--budget=", budget),
            absl::StrCat("--seed=", kSeed),
            "--out=" + out};
  }
  std::vector<std::string> WithWorkers(
      std::vector<std::string> training) const {
    training.push_back("--workers=" + server_.url());
    training.push_back("--workers-lease=0.5");
    training.push_back("--workers-timeout=60");
    return training;
  }
  std::string WorkerLog(int worker) const {
    return absl::StrCat(root_, "/worker", worker, ".log");
  }
  // In the place of the one that was there.
  void StartWorker(int worker, double rate) {
    std::filesystem::remove(WorkerLog(worker));
    workers_[worker] = std::make_unique<TrainerProcess>(
        std::vector<std::string>{
            "worker", "--redis-url=" + server_.url(), "--backend=sim",
            "--catalog=" ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml",
            absl::StrCat("--seed=", kSeed), absl::StrCat("--sim-rate=", rate)},
        WorkerLog(worker));
  }
  bool AwaitWorker(int worker) const {
    const absl::Time deadline = absl::Now() + kLongEnough;
    while (absl::Now() < deadline) {
      if (ReadAll(WorkerLog(worker)).find("(prefix attune:)") !=
          std::string::npos) {
        return true;
      }
      absl::SleepFor(absl::Milliseconds(5));
    }
    return false;
  }

  // The lines of metrics.jsonl.
  static std::vector<nlohmann::json> Metrics(const std::string& out) {
    std::istringstream file(ReadAll(out + "/metrics.jsonl"));
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }
  static std::string Digest(const std::string& out) {
    return policy::Sha256Hex(ReadAll(out + "/revision.attune"));
  }

  std::string root_;
  RedisProcess server_;
  std::unique_ptr<TrainerProcess> workers_[kWorkers];
};

// Every count of every round is what it is without workers.
void ExpectSameCounts(const std::vector<nlohmann::json>& whole,
                      const std::vector<nlohmann::json>& shared) {
  ASSERT_EQ(shared.size(), whole.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const char* field : {"round", "rankings", "samples", "reward",
                              "llm_calls", "dropped", "cache_hits"}) {
      EXPECT_EQ(shared[i][field], whole[i][field]) << field << " of " << i;
    }
  }
}

TEST_P(WorkersProcessTest, KilledAtRandomEndWithTheSameBytes) {
  const int budget = FromEnvironment("ATTUNE_WORKER_RANKINGS", 96);
  const int seed = FromEnvironment("ATTUNE_WORKER_SEED", 1);
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  const std::string log = root_ + "/log";
  const std::string whole = root_ + "/whole";
  ASSERT_EQ(TrainerProcess(Training(whole, GetParam(), budget), log).Wait(), 0)
      << ReadAll(log);

  policy::Rng rng(static_cast<uint64_t>(seed));
  for (int i = 0; i < kWorkers; ++i) StartWorker(i, 40.0);
  const std::string shared = root_ + "/shared";
  TrainerProcess training(WithWorkers(Training(shared, GetParam(), budget)),
                          log);
  int killed = 0;
  while (!training.Ended()) {
    const int victim = static_cast<int>(rng() % kWorkers);
    ASSERT_TRUE(AwaitWorker(victim)) << ReadAll(WorkerLog(victim));
    absl::SleepFor(absl::Milliseconds(rng() % 700));
    ASSERT_EQ(workers_[victim]->Kill(), -SIGKILL);
    StartWorker(victim, 40.0);
    ++killed;
  }
  ASSERT_EQ(training.Wait(), 0) << ReadAll(log);
  EXPECT_GT(killed, 0);

  EXPECT_EQ(Digest(shared), Digest(whole));
  const std::vector<nlohmann::json> metrics = Metrics(shared);
  ExpectSameCounts(Metrics(whole), metrics);
  EXPECT_EQ(metrics.back()["rankings"], budget);
  EXPECT_EQ(metrics.back()["dropped"], 0);
  EXPECT_EQ(metrics.back()["workers.faults"], 0);
  for (int i = 0; i < kWorkers; ++i) {
    ASSERT_TRUE(AwaitWorker(i));
    EXPECT_EQ(workers_[i]->Kill(SIGTERM), 0) << ReadAll(WorkerLog(i));
    std::printf("worker %d at last: %s", i, ReadAll(WorkerLog(i)).c_str());
  }
  std::printf("%s: %d kills (seed %d), %d rankings, %d late, sha256 %s\n",
              GetParam(), killed, seed, budget,
              metrics.back()["workers.late"].get<int>(),
              Digest(shared).c_str());
}

INSTANTIATE_TEST_SUITE_P(Learners, WorkersProcessTest,
                         ::testing::Values("bandit", "ppo", "a2c"),
                         [](const auto& info) {
                           return std::string(info.param);
                         });

using WorkersRedisTest = WorkersProcessTest;

TEST_F(WorkersRedisTest, ForgetsEverythingAndTheBytesAreTheSame) {
  const std::string log = root_ + "/log";
  const std::string whole = root_ + "/whole";
  ASSERT_EQ(TrainerProcess(Training(whole, "a2c", 160), log).Wait(), 0);
  for (int i = 0; i < kWorkers; ++i) StartWorker(i, 40.0);
  const std::string shared = root_ + "/shared";
  TrainerProcess training(WithWorkers(Training(shared, "a2c", 160)), log);
  for (int i = 0; i < kWorkers; ++i) ASSERT_TRUE(AwaitWorker(i));
  const absl::Time deadline = absl::Now() + kLongEnough;
  while (Metrics(shared).size() < 2 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  server_.Kill();
  server_.Start();
  ASSERT_EQ(training.Wait(), 0) << ReadAll(log);
  EXPECT_EQ(Digest(shared), Digest(whole));
  ExpectSameCounts(Metrics(whole), Metrics(shared));
}

TEST_F(WorkersRedisTest, ALearnerThatWasKilledGoesOnToTheSameBytes) {
  const std::string log = root_ + "/log";
  const std::string whole = root_ + "/whole";
  ASSERT_EQ(TrainerProcess(Training(whole, "a2c", 160), log).Wait(), 0);
  for (int i = 0; i < kWorkers; ++i) StartWorker(i, 40.0);
  const std::string shared = root_ + "/shared";
  std::vector<std::string> arguments =
      WithWorkers(Training(shared, "a2c", 160));
  arguments.push_back("--checkpoint-every=1");
  {
    TrainerProcess training(arguments, log);
    const absl::Time deadline = absl::Now() + kLongEnough;
    while (Metrics(shared).size() < 2 && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    ASSERT_EQ(training.Kill(), -SIGKILL);
  }
  // Workers still have what the dead one asked for.
  arguments.push_back("--resume");
  ASSERT_EQ(TrainerProcess(arguments, log).Wait(), 0) << ReadAll(log);
  EXPECT_EQ(Digest(shared), Digest(whole));
  ExpectSameCounts(Metrics(whole), Metrics(shared));
}

TEST_F(WorkersRedisTest, TwoWorkersAreTwiceAsFastAsOne) {
  const std::string log = root_ + "/log";
  constexpr double kRate = 60.0;
  double seconds[kWorkers] = {};
  for (int count = 1; count <= kWorkers; ++count) {
    StartWorker(count - 1, kRate);
    ASSERT_TRUE(AwaitWorker(count - 1));
    const std::string out = absl::StrCat(root_, "/", count);
    ASSERT_EQ(
        TrainerProcess(WithWorkers(Training(out, "bandit", 256)), log).Wait(),
        0)
        << ReadAll(log);
    for (const nlohmann::json& line : Metrics(out)) {
      seconds[count - 1] += line["llm_seconds"].get<double>();
    }
  }
  std::printf(
      "256 rankings, 60 a second: %.2f s by one worker, %.2f s by two: %.2f\n",
      seconds[0], seconds[1], seconds[0] / seconds[1]);
  EXPECT_GT(seconds[0] / seconds[1], 1.5);
}

TEST_F(WorkersRedisTest, AWorkerThatIsToldToStopFinishesItsBatch) {
  const std::string log = root_ + "/log";
  StartWorker(0, 10.0);
  ASSERT_TRUE(AwaitWorker(0));
  const std::string shared = root_ + "/shared";
  TrainerProcess training(WithWorkers(Training(shared, "a2c", 64)), log);
  // Until it is at work.
  const absl::Time deadline = absl::Now() + kLongEnough;
  const auto added = [this] {
    return server_.Run({"KEYS", "attune:rollout:answers:*"}).TakeList()->size();
  };
  while (added() == 0 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_EQ(workers_[0]->Kill(SIGTERM), 0);
  EXPECT_THAT(ReadAll(WorkerLog(0)), HasSubstr(" 0 late"));
  StartWorker(1, 400.0);
  ASSERT_EQ(training.Wait(), 0) << ReadAll(log);
  EXPECT_EQ(workers_[1]->Kill(SIGTERM), 0);
  // Nothing was left for another to take over.
  EXPECT_THAT(ReadAll(WorkerLog(1)), HasSubstr(" 0 taken over"));
}

}  // namespace
}  // namespace attune::trainer
