// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// A learner's backend and workers over the real redis-server, in one process.

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/redis_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"
#include "tests/trainer/llm_prompts.h"
#include "trainer/caching_backend.h"
#include "trainer/remote_backend.h"
#include "trainer/rollout_worker.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FakeLlm;
using ::attune::testing::IsOk;
using ::attune::testing::RedisProcess;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

constexpr char kPrefix[] = "test:";
constexpr absl::Duration kLease = absl::Milliseconds(400);
constexpr absl::Duration kLongEnough = absl::Seconds(60);

// What somebody was told. Thread-safe.
class Heard {
 public:
  std::function<void(const std::string&)> Say() {
    return [this](const std::string& line) {
      const std::lock_guard<std::mutex> lock(mutex_);
      lines_.push_back(line);
    };
  }
  std::vector<std::string> lines() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return lines_;
  }
  bool Has(const std::string& what) const {
    for (const std::string& line : lines()) {
      if (line.find(what) != std::string::npos) return true;
    }
    return false;
  }
  // Whether it was heard before a minute was over.
  bool Await(const std::string& what) const {
    const absl::Time deadline = absl::Now() + kLongEnough;
    while (!Has(what) && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    return Has(what);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

// An LLM that says which prompt it was asked.
class EchoLlm final : public LlmBackend {
 public:
  using Fault = std::function<absl::Status(const std::string& text)>;
  explicit EchoLlm(std::string name = "echo", Fault fault = nullptr)
      : name_(std::move(name)), fault_(std::move(fault)) {}

  std::vector<absl::StatusOr<LlmAnswer>> Answer(
      absl::Span<const LlmRequest> requests) override {
    std::vector<absl::StatusOr<LlmAnswer>> answers;
    for (const LlmRequest& request : requests) {
      const std::string text = request.prompt->messages[0].Text();
      ++asked_;
      const absl::Status status = fault_ ? fault_(text) : absl::OkStatus();
      if (status.ok()) {
        answers.emplace_back(LlmAnswer{.text = "re " + text, .usage = {1}});
      } else {
        answers.emplace_back(status);
      }
    }
    return answers;
  }
  std::string Identity() const override { return name_; }
  int asked() const { return asked_; }

 private:
  const std::string name_;
  const Fault fault_;
  std::atomic<int> asked_ = 0;
};

// A worker in a thread of its own.
class Working {
 public:
  Working(const RedisProcess& server, LlmBackend& llm, std::string name,
          int batch_size = 2)
      : worker_(llm, {.redis = server.options(),
                      .prefix = kPrefix,
                      .name = std::move(name),
                      .batch_size = batch_size,
                      .clock = absl::Now,
                      .sleep = absl::SleepFor,
                      .say = heard_.Say()}),
        thread_([this] {
          status_ = worker_.Serve([this] { return stop_.load(); });
        }) {}
  ~Working() {
    if (thread_.joinable()) Stop().IgnoreError();
  }

  absl::Status Stop() {
    stop_ = true;
    thread_.join();
    return status_;
  }
  const Heard& heard() const { return heard_; }
  // REQUIRES: stopped.
  const RolloutWorker::Counts& counts() const { return worker_.counts(); }

 private:
  Heard heard_;
  RolloutWorker worker_;
  std::atomic<bool> stop_ = false;
  absl::Status status_;
  std::thread thread_;
};

class WorkersTest : public ::testing::Test {
 protected:
  WorkersTest() {
    for (int i = 0; i < 10; ++i) {
      prompts_.push_back(MakePrompt(policy::Readout::kGenerate,
                                    absl::StrCat("prompt ", i), {"A", "B"}));
    }
    for (const auto& prompt : prompts_)
      requests_.push_back({.prompt = &prompt});
  }

  RemoteOptions Options() {
    return {.redis = server_.options(),
            .prefix = kPrefix,
            .run = "run",
            .llm = LlmFacts{.llm = "echo"},
            .lease = kLease,
            .patience = kLongEnough,
            .clock = absl::Now,
            .sleep = absl::SleepFor,
            .say = heard_.Say()};
  }
  std::unique_ptr<RemoteBackend> Learner(RemoteOptions options) {
    auto made = RemoteBackend::Create(std::move(options));
    EXPECT_THAT(made, IsOk());
    return *std::move(made);
  }
  static void ExpectAllInOrder(
      const std::vector<absl::StatusOr<LlmAnswer>>& answers) {
    ASSERT_EQ(answers.size(), 10u);
    for (int i = 0; i < 10; ++i) {
      ASSERT_THAT(answers[i], IsOk());
      EXPECT_EQ(answers[i]->text, absl::StrCat("re prompt ", i));
    }
  }
  static double Metric(const LlmBackend& backend, const std::string& name) {
    for (const auto& [metric, value] : backend.Metrics()) {
      if (metric == name) return value;
    }
    ADD_FAILURE() << "no metric " << name;
    return -1.0;
  }
  // What a worker does that dies with what it took.
  std::vector<RolloutJob> TakeAndDie(int count) {
    redis::Connection connection(server_.options());
    RolloutJobs dead(connection, kPrefix, "dead");
    const absl::Time deadline = absl::Now() + kLongEnough;
    while (absl::Now() < deadline) {
      auto jobs = dead.Take({"run"}, count, absl::Milliseconds(10));
      if (jobs.ok() && !jobs->empty()) return *std::move(jobs);
    }
    ADD_FAILURE() << "nothing to take";
    return {};
  }

  RedisProcess server_;
  Heard heard_;
  std::vector<policy::RenderedPrompt> prompts_;
  std::vector<LlmRequest> requests_;
};

TEST_F(WorkersTest, AnswerEachRequestInItsPlace) {
  EchoLlm llm;
  Working one(server_, llm, "one");
  Working two(server_, llm, "two");
  RemoteOptions options = Options();
  options.llm.reset();  // those of the workers
  options.window = 3;
  auto learner = Learner(std::move(options));
  EXPECT_EQ(learner->Identity(), "echo");
  for (int round = 0; round < 3; ++round) {
    ExpectAllInOrder(learner->Answer(requests_));
  }
  EXPECT_EQ(llm.asked(), 30);
  EXPECT_EQ(Metric(*learner, "workers.late"), 0);
  EXPECT_THAT(one.Stop(), IsOk());
  EXPECT_THAT(two.Stop(), IsOk());
  EXPECT_EQ(one.counts().answered + two.counts().answered, 30);
  // Nothing stays.
  learner.reset();
  EXPECT_EQ(server_.Run({"DBSIZE"}).Int().value(), 0);
}

TEST_F(WorkersTest, AFaultIsAFaultAndTheOthersAreNot) {
  EchoLlm llm("echo", [](const std::string& text) {
    return text == "prompt 4" ? absl::ResourceExhaustedError("tokens are spent")
                              : absl::OkStatus();
  });
  Working worker(server_, llm, "one");
  auto learner = Learner(Options());
  auto answers = learner->Answer(requests_);
  EXPECT_THAT(answers[4],
              StatusIs(Code::kResourceExhausted,
                       AllOf(HasSubstr("one"), HasSubstr("tokens are spent"))));
  answers[4] = LlmAnswer{.text = "re prompt 4"};
  ExpectAllInOrder(answers);
  EXPECT_EQ(Metric(*learner, "workers.faults"), 1);
}

// It is quick at failing, and must not get all that there is.
TEST_F(WorkersTest, AWorkerWhoseLlmIsDownLosesNothing) {
  EchoLlm down("echo", [](const std::string&) {
    return absl::UnavailableError("connection refused");
  });
  Working broken(server_, down, "broken");
  auto learner = Learner(Options());
  std::vector<absl::StatusOr<LlmAnswer>> answers;
  std::thread asking([&] { answers = learner->Answer(requests_); });
  while (down.asked() == 0) absl::SleepFor(absl::Milliseconds(5));
  EchoLlm llm;
  Working worker(server_, llm, "one");
  asking.join();
  ExpectAllInOrder(answers);
  EXPECT_EQ(llm.asked(), 10);
}

TEST_F(WorkersTest, AFaultOfEveryWorkerIsAFault) {
  EchoLlm down("echo", [](const std::string&) {
    return absl::UnavailableError("connection refused");
  });
  Working broken(server_, down, "broken", /*batch_size=*/10);
  auto learner = Learner(Options());
  EXPECT_THAT(learner->Answer(requests_),
              Each(StatusIs(Code::kUnavailable, HasSubstr("refused"))));
  EXPECT_EQ(down.asked(), 10 * RemoteBackend::kMostTries);
}

TEST_F(WorkersTest, WhatTheCacheHoldsNeedsNoWorker) {
  EchoLlm llm;
  Working worker(server_, llm, "one");
  const std::string path = ::testing::TempDir() + "workers_test_cache.sqlite";
  std::filesystem::remove(path);
  auto cached = CachingBackend::Create(Learner(Options()), path);
  ASSERT_THAT(cached, IsOk());
  ExpectAllInOrder((*cached)->Answer(requests_));
  EXPECT_THAT(worker.Stop(), IsOk());
  server_.Kill();
  ExpectAllInOrder((*cached)->Answer(requests_));
  EXPECT_EQ(llm.asked(), 10);
}

TEST_F(WorkersTest, WhatADeadOneTookIsDoneByAnotherAndCountedOnce) {
  auto learner = Learner(Options());
  std::vector<absl::StatusOr<LlmAnswer>> answers;
  std::thread asking([&] { answers = learner->Answer(requests_); });
  const std::vector<RolloutJob> lost = TakeAndDie(4);
  EXPECT_EQ(lost.size(), 4u);
  EchoLlm llm;
  Working worker(server_, llm, "heir");
  asking.join();
  ExpectAllInOrder(answers);
  // It was not dead after all: too late.
  redis::Connection connection(server_.options());
  RolloutJobs dead(connection, kPrefix, "dead");
  const auto first = dead.Answer(lost, {"a", "b", "c", "d"});
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(*first, 0);
  ExpectAllInOrder(learner->Answer(requests_));
  EXPECT_THAT(worker.Stop(), IsOk());
  EXPECT_EQ(worker.counts().taken_over, 4);
  EXPECT_EQ(worker.counts().answered, 20);
}

TEST_F(WorkersTest, ASlowOneKeepsWhatItTook) {
  // Slower than the lease, which a busy machine's pauses are not.
  constexpr absl::Duration kLongLease = absl::Seconds(2);
  EchoLlm llm("echo", [](const std::string& text) {
    if (text == "prompt 0") absl::SleepFor(2 * kLongLease);
    return absl::OkStatus();
  });
  Working one(server_, llm, "one");
  Working two(server_, llm, "two");
  RemoteOptions options = Options();
  options.lease = kLongLease;
  auto learner = Learner(std::move(options));
  ExpectAllInOrder(learner->Answer(requests_));
  EXPECT_EQ(llm.asked(), 10);
  EXPECT_THAT(one.Stop(), IsOk());
  EXPECT_THAT(two.Stop(), IsOk());
  EXPECT_EQ(one.counts().taken_over + two.counts().taken_over, 0);
}

TEST_F(WorkersTest, WhatRedisForgotIsAskedAgain) {
  auto learner = Learner(Options());
  std::vector<absl::StatusOr<LlmAnswer>> answers;
  std::thread asking([&] { answers = learner->Answer(requests_); });
  EXPECT_EQ(TakeAndDie(1).size(), 1u);
  server_.Kill();
  server_.Start();
  EchoLlm llm;
  Working worker(server_, llm, "one");
  asking.join();
  ExpectAllInOrder(answers);
  EXPECT_EQ(llm.asked(), 10);
}

TEST_F(WorkersTest, WhatKillsItsWorkersIsAFaultInTheEnd) {
  auto learner = Learner(Options());
  std::vector<absl::StatusOr<LlmAnswer>> answers;
  std::thread asking([&] {
    answers = learner->Answer(absl::MakeSpan(requests_).subspan(0, 1));
  });
  TakeAndDie(1);
  redis::Connection connection(server_.options());
  for (int64_t i = 1; i < RolloutWorker::kMostDeliveries; ++i) {
    RolloutJobs dead(connection, kPrefix, absl::StrCat("dead ", i));
    const auto jobs = dead.TakeOver("run", absl::ZeroDuration(), 1);
    ASSERT_THAT(jobs, IsOk());
    ASSERT_EQ(jobs->size(), 1u);
    EXPECT_EQ((*jobs)[0].deliveries, i + 1);
  }
  EchoLlm llm;
  Working worker(server_, llm, "one");
  asking.join();
  EXPECT_THAT(answers[0], StatusIs(Code::kAborted, HasSubstr("10 times")));
  EXPECT_EQ(llm.asked(), 0);
}

TEST_F(WorkersTest, GarbageInTheStreamHarmsNobody) {
  EchoLlm llm;
  auto learner = Learner(Options());
  std::vector<absl::StatusOr<LlmAnswer>> answers;
  std::thread asking([&] { answers = learner->Answer(requests_); });
  TakeAndDie(1);
  server_.Run({"XADD", "test:rollout:requests:run", "*", "id", "x", "request",
               "garbage"});
  server_.Run({"XADD", "test:rollout:requests:run", "*", "other", "x"});
  server_.Run({"XADD", "test:rollout:answers:run", "*", "id", "unknown",
               "answer", "garbage"});
  server_.Run({"SADD", "test:rollout:runs", "strange"});
  server_.Run({"SET", "test:rollout:run:strange", "garbage"});
  Working worker(server_, llm, "one");
  asking.join();
  ExpectAllInOrder(answers);
  EXPECT_TRUE(worker.heard().Await("run strange is not served"));
}

TEST_F(WorkersTest, AnotherLlmIsRefusedAndBothSidesSaySo) {
  EchoLlm other("other");
  Working stranger(server_, other, "stranger");
  auto learner = Learner(Options());
  std::vector<absl::StatusOr<LlmAnswer>> answers;
  std::thread asking([&] { answers = learner->Answer(requests_); });
  EXPECT_TRUE(
      heard_.Await("worker stranger is not used: it has another LLM, other"));
  EXPECT_TRUE(stranger.heard().Await(
      "run run is not served: it wants another LLM, echo; ours is other"));
  EchoLlm llm;
  Working worker(server_, llm, "one");
  asking.join();
  ExpectAllInOrder(answers);
  EXPECT_EQ(other.asked(), 0);
}

TEST_F(WorkersTest, OneRunWantsOneLlm) {
  EchoLlm llm;
  EchoLlm other("other");
  Working one(server_, llm, "one");
  Working two(server_, other, "two");
  // Both are known before the learner looks.
  redis::Connection connection(server_.options());
  RolloutPresence workers(connection, kPrefix, RolloutPresence::Kind::kWorker);
  while (workers.All()->size() < 2) absl::SleepFor(absl::Milliseconds(5));
  RemoteOptions options = Options();
  options.llm.reset();
  EXPECT_THAT(
      RemoteBackend::Create(std::move(options)),
      StatusIs(Code::kFailedPrecondition,
               AllOf(HasSubstr("one has echo"), HasSubstr("two has other"))));
}

TEST_F(WorkersTest, WithoutAWorkerPatienceEnds) {
  RemoteOptions options = Options();
  options.patience = absl::Seconds(1);
  auto learner = Learner(options);
  EXPECT_THAT(learner->Answer(requests_),
              Each(StatusIs(Code::kDeadlineExceeded, HasSubstr("no worker"))));
  // Nobody does in vain what nobody waits for.
  EXPECT_EQ(server_.Run({"XLEN", "test:rollout:requests:run"}).Int().value(),
            0);
  options.llm.reset();
  EXPECT_THAT(RemoteBackend::Create(options),
              StatusIs(Code::kDeadlineExceeded, HasSubstr("no worker came")));
  EXPECT_TRUE(heard_.Has("waiting for a first worker: no worker is at redis"));
}

TEST_F(WorkersTest, WaitsForRedisAndSaysSo) {
  RemoteOptions options = Options();
  absl::Time now = absl::Now();
  // Time flies while it waits.
  options.clock = [&now] { return now; };
  options.sleep = [&now](absl::Duration) { now += absl::Seconds(7); };
  options.redis.clock = options.clock;
  auto learner = Learner(options);
  server_.Kill();
  EXPECT_THAT(learner->Answer(requests_),
              Each(StatusIs(Code::kDeadlineExceeded, HasSubstr("refused"))));
  EXPECT_THAT(heard_.lines(),
              Contains(AllOf(HasSubstr("waiting for 10 of 10 rankings"),
                             HasSubstr("refused")))
                  .Times(4));
}

TEST_F(WorkersTest, AWrongPasswordEndsBothAtOnce) {
  server_.Run({"CONFIG", "SET", "requirepass", "right"});
  EXPECT_THAT(RemoteBackend::Create(Options()),
              StatusIs(Code::kUnauthenticated));
  EchoLlm llm;
  Working worker(server_, llm, "one");
  EXPECT_THAT(worker.Stop(), StatusIs(Code::kUnauthenticated));
}

TEST_F(WorkersTest, AtMostAWindowIsInRedis) {
  RemoteOptions options = Options();
  options.window = 3;
  auto learner = Learner(std::move(options));
  std::vector<absl::StatusOr<LlmAnswer>> answers;
  std::thread asking([&] { answers = learner->Answer(requests_); });
  TakeAndDie(1);
  EXPECT_EQ(server_.Run({"XLEN", "test:rollout:requests:run"}).Int().value(),
            3);
  EchoLlm llm;
  Working worker(server_, llm, "one");
  asking.join();
  ExpectAllInOrder(answers);
}

TEST_F(WorkersTest, APromptThatIsTooLargeIsAFaultAndTheOthersAreNot) {
  EchoLlm llm;
  Working worker(server_, llm, "one");
  auto learner = Learner(Options());
  const auto large = MakePrompt(policy::Readout::kGenerate,
                                std::string(kMaxRolloutBytes, 'x'), {"A", "B"});
  requests_.push_back({.prompt = &large});
  auto answers = learner->Answer(requests_);
  EXPECT_THAT(answers.back(), StatusIs(Code::kInvalidArgument));
  answers.pop_back();
  ExpectAllInOrder(answers);
}

TEST_F(WorkersTest, OneWorkerServesTwoRuns) {
  EchoLlm llm;
  Working worker(server_, llm, "one");
  auto first = Learner(Options());
  RemoteOptions options = Options();
  options.run = "second";
  auto second = Learner(std::move(options));
  std::vector<absl::StatusOr<LlmAnswer>> answers;
  std::thread asking([&] { answers = first->Answer(requests_); });
  ExpectAllInOrder(second->Answer(requests_));
  asking.join();
  ExpectAllInOrder(answers);
}

}  // namespace
}  // namespace attune::trainer
