// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_REPLICAS_H_
#define ATTUNE_TESTS_SERVER_REPLICAS_H_

// Three real servers that share one Redis, and their callers.

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "policy/random.h"
#include "redis/stream.h"
#include "tests/server/acknowledgements.h"
#include "tests/server/eventually.h"
#include "tests/server/http_get.h"
#include "tests/server/process.h"
#include "tests/server/redis_contents.h"

namespace attune::server {

inline constexpr int kReplicas = 3;

// The processes. Ports change when one is started again. Thread-safe.
class Replicas {
 public:
  explicit Replicas(std::string redis_url) : redis_url_(std::move(redis_url)) {
    for (int i = 0; i < kReplicas; ++i) Start(i);
  }

  void Start(int i) {
    auto process = std::make_unique<Process>(
        dirs_[i],
        std::vector<std::string>{
            "--catalog", Catalog(dirs_[0]), "--token_key_file",
            dirs_[0].Write("key", std::string(64, 'a')), "--user_key_file",
            dirs_[0].Write("user", std::string(64, 'b')), "--redis_url",
            redis_url_, "--replica", "replica-" + std::to_string(i),
            "--log_level", "info"});
    const std::string ports = process->ReadLine();
    EXPECT_NE(ports, "") << process->log();
    std::lock_guard<std::mutex> lock(mutex_);
    processes_[i] = std::move(process);
    ports_[i] = ports;
  }
  void Kill(int i) {
    std::lock_guard<std::mutex> lock(mutex_);
    processes_[i]->Signal(SIGKILL);
    processes_[i]->Wait();
  }

  // Its exit code; -1 if it did not exit by itself.
  int Terminate(int i) {
    std::lock_guard<std::mutex> lock(mutex_);
    processes_[i]->Signal(SIGTERM);
    return processes_[i]->Wait();
  }

  int data_port(int i) { return Port(i, "data_port"); }
  int control_port(int i) { return Port(i, "control_port"); }
  std::string Metrics(int i) {
    return HttpGet(Port(i, "metrics_port"), "/metrics");
  }
  std::string log(int i) { return ReadFile(dirs_[i].path() + "/log"); }

  // Orders a traffic of stored revisions through one of them.
  grpc::Status SetTraffic(int i, const std::string& active,
                          const std::string& canary, double share) {
    grpc::ClientContext context;
    v1::SetTrafficRequest request;
    v1::SetTrafficResponse response;
    request.mutable_traffic()->set_active(active);
    if (!canary.empty()) {
      request.mutable_traffic()->mutable_canary()->set_revision(canary);
      request.mutable_traffic()->mutable_canary()->set_share(share);
    }
    return v1::PolicyService::NewStub(Connect(control_port(i)))
        ->SetTraffic(&context, request, &response);
  }
  int Stored(int i) {
    grpc::ClientContext context;
    v1::ListRevisionsRequest request;
    v1::ListRevisionsResponse response;
    request.set_page_size(1000);
    EXPECT_TRUE(v1::PolicyService::NewStub(Connect(control_port(i)))
                    ->ListRevisions(&context, request, &response)
                    .ok());
    return response.revisions_size();
  }
  // How long it takes until all serve the revision; InfiniteDuration if it takes
  // more than half a minute.
  absl::Duration AwaitAllServe(const std::string& id) {
    const absl::Time start = absl::Now();
    for (int i = 0; i < kReplicas; ++i) {
      if (!Eventually([&] { return ActiveRevision(data_port(i)) == id; })) {
        return absl::InfiniteDuration();
      }
    }
    return absl::Now() - start;
  }

 private:
  int Port(int i, const std::string& name) {
    std::lock_guard<std::mutex> lock(mutex_);
    return PortIn(ports_[i], name);
  }

  const std::string redis_url_;
  std::array<TempDir, kReplicas> dirs_;
  std::mutex mutex_;
  std::array<std::unique_ptr<Process>, kReplicas> processes_;
  std::array<std::string, kReplicas> ports_;
};

// Callers that ask one replica for a prompt and tell another what came of it, as
// behind a load balancer: whom they cannot reach they leave for the next.
class ReplicaCallers {
 public:
  ReplicaCallers(Replicas* replicas, uint64_t seed)
      : replicas_(*replicas), seed_(seed) {}
  ~ReplicaCallers() { Stop(); }

  void Start(int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, i] { Run(policy::Rng(seed_, i)); });
    }
  }
  void Stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  // Blocks until this many more were acknowledged.
  void AwaitMore(int count) { acknowledgements_.Await(acknowledged_ + count); }

  int acknowledged() const { return acknowledged_; }
  int prompts() const { return prompts_; }
  int failed_prompts() const { return failed_prompts_; }
  double slowest_prompt_ms() const { return slowest_us_ / 1000.0; }
  // By decision id; after Stop().
  const std::map<std::string, float>& rewards() const { return rewards_; }
  const std::map<std::string, float>& offered() const { return offered_; }

 private:
  void Run(policy::Rng rng) {
    std::array<std::unique_ptr<v1::PromptService::Stub>, kReplicas> stubs;
    std::array<int, kReplicas> ports = {};
    const auto stub = [&](int i) -> v1::PromptService::Stub& {
      const int port = replicas_.data_port(i);
      if (ports[i] != port) {
        stubs[i] = v1::PromptService::NewStub(Connect(port));
        ports[i] = port;
      }
      return *stubs[i];
    };
    while (!stopping_) {
      const int first = static_cast<int>(rng.Below(kReplicas));
      v1::GetPromptResponse prompt;
      ++prompts_;
      if (!Ask(stub, first, rng, &prompt)) {
        ++failed_prompts_;
        continue;
      }
      const float reward = static_cast<float>(rng.Below(1001)) / 1000;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        offered_[prompt.decision_id()] = reward;
      }
      if (!Tell(stub, (first + 1) % kReplicas, prompt, reward)) continue;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        rewards_[prompt.decision_id()] = reward;
      }
      ++acknowledged_;
      acknowledgements_.Add();
    }
  }

  template <typename StubOf>
  bool Ask(const StubOf& stub, int first, policy::Rng& rng,
           v1::GetPromptResponse* prompt) {
    v1::GetPromptRequest request = SampleRequest(2, 3);
    request.set_user_id("user-" + std::to_string(rng.Below(100)));
    for (int i = 0; i < kReplicas; ++i) {
      grpc::ClientContext context;
      const absl::Time start = absl::Now();
      const grpc::Status status =
          stub((first + i) % kReplicas).GetPrompt(&context, request, prompt);
      if (status.ok()) {
        const int64_t us = absl::ToInt64Microseconds(absl::Now() - start);
        if (us > slowest_us_) slowest_us_ = us;
        return true;
      }
      // A killed one; any other answer is a failure.
      if (status.error_code() != grpc::StatusCode::UNAVAILABLE) return false;
    }
    return false;
  }

  template <typename StubOf>
  bool Tell(const StubOf& stub, int first, const v1::GetPromptResponse& prompt,
            float reward) {
    for (int i = 0; i < kReplicas; ++i) {
      grpc::ClientContext context;
      v1::RecordFeedbackRequest request;
      v1::RecordFeedbackResponse response;
      request.set_decision_token(prompt.decision_token());
      request.set_reward(reward);
      if (stub((first + i) % kReplicas)
              .RecordFeedback(&context, request, &response)
              .ok()) {
        return true;
      }
    }
    return false;
  }

  Replicas& replicas_;
  const uint64_t seed_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> acknowledged_ = 0;
  std::atomic<int> prompts_ = 0;
  std::atomic<int> failed_prompts_ = 0;
  std::atomic<int64_t> slowest_us_ = 0;
  Acknowledgements acknowledgements_;
  std::mutex mutex_;
  // Guarded by mutex_ while threads run.
  std::map<std::string, float> rewards_;
  std::map<std::string, float> offered_;
};

// Reads the stream as it comes, as a trainer does.
class StreamReader {
 public:
  explicit StreamReader(redis::Connection::Options options)
      : connection_(std::move(options)), thread_([this] { Run(); }) {}
  ~StreamReader() { Stop(); }
  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }

  // Every reward that came for a decision, in order.
  std::map<std::string, std::vector<float>> rewards() {
    std::lock_guard<std::mutex> lock(mutex_);
    return rewards_;
  }
  int decisions() {
    std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<int>(decisions_.size());
  }

 private:
  void Run() {
    while (!stopping_) {
      auto reply = connection_.Run({"XREAD", "COUNT", "500", "BLOCK", "200",
                                    "STREAMS", "attune:feedback", last_},
                                   absl::Milliseconds(200));
      if (reply.ok() && !reply->is_nil()) Take(*std::move(reply));
      if (!reply.ok()) absl::SleepFor(absl::Milliseconds(20));
    }
  }
  void Take(redis::Reply reply) {
    const auto streams = redis::TakeStreams(std::move(reply)).value();
    std::lock_guard<std::mutex> lock(mutex_);
    for (const redis::StreamEntry& entry : streams[0].entries) {
      last_ = entry.id;
      v1::LoggedDecision record;
      EXPECT_TRUE(record.ParseFromString(entry.fields.at("record")));
      if (record.has_feedback()) {
        rewards_[record.decision_id()].push_back(record.feedback().reward());
      } else {
        ++decisions_[record.decision_id()];
      }
    }
  }

  redis::Connection connection_;
  std::string last_ = "0";
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::map<std::string, std::vector<float>> rewards_;  // guarded by mutex_
  std::map<std::string, int> decisions_;               // guarded by mutex_
  std::thread thread_;
};

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_REPLICAS_H_
