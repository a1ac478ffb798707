// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Prompts, feedback, scrapes, pushes and changes of the traffic at once, without
// gRPC: what the thread sanitizer looks at. ATTUNE_SWAPS says how often the
// traffic changes (40).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/admission.h"
#include "server/decision_log.h"
#include "server/guardrail_monitor.h"
#include "server/log.h"
#include "server/prompt_handler.h"
#include "server/shadow.h"
#include "tests/server/log_builders.h"
#include "tests/server/samples.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/environment.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;

constexpr int kCallers = 3;

class CoreConcurrencyTest : public ::testing::Test {
 protected:
  CoreConcurrencyTest()
      : registry_(RevisionRegistry::Open({dir_.path(), LogRevision()}).value()),
        log_(DecisionLog::Open({.store = {.path = dir_.path() + "/log.db"},
                                .flush_interval = absl::Milliseconds(1),
                                .clock = [] { return kLogNow; }})
                 .value()),
        monitor_(
            {.registry = registry_.get(), .interval = absl::Milliseconds(1)}),
        shadow_({log_.get(), SystemRandom}),
        signer_(TokenSigner::Create({.key = std::string(32, 'k')}).value()),
        metrics_([this] { return registry_->Current()->id(); }),
        handler_({.registry = registry_.get(),
                  .signer = &signer_,
                  .metrics = &metrics_,
                  .clock = [] { return kLogNow; },
                  .random = SystemRandom,
                  .log = log_.get(),
                  .monitor = &monitor_,
                  .shadow = &shadow_}) {
    SetLogLevel(LogLevel::kOff);
    for (const char* tag : {"one", "two", "three"}) {
      const auto stored = registry_->Add(dir_.Write("part", MakeArtifact(tag)));
      EXPECT_THAT(stored, IsOk());
      ids_.push_back(stored->revision->id());
    }
  }
  ~CoreConcurrencyTest() override { SetLogLevel(LogLevel::kInfo); }

  // Asks and reports what came of it, until told to stop.
  void Call(int caller) {
    v1::GetPromptRequest request = SampleRequest(3, 4);
    for (int i = 0; !stop_; ++i) {
      request.set_user_id("user-" + std::to_string(caller * 1000 + i % 1000));
      if (!admission_.Enter(1, absl::Seconds(1)).ok()) continue;
      std::string answer;
      const absl::Status status =
          handler_.Answer(request.SerializeAsString(), &answer);
      metrics_.CountRequest(Method::kGetPrompt, status);
      admission_.Leave(1, std::chrono::microseconds(100));
      v1::GetPromptResponse response;
      if (!status.ok() || !response.ParseFromString(answer)) ++failed_;
      log_->RecordFeedback(MakeFeedback(caller * 10000 + i),
                           [this](auto) { ++told_; });
      monitor_.ObserveReward(signer_.Pseudonym(request.user_id()), IdOf(i),
                             response.revision(), 0.5F);
      ++answers_;
    }
  }

  // Looks at everything that a scrape looks at.
  void Scrape() {
    for (const auto& collectable : metrics_.collectables()) {
      EXPECT_FALSE(collectable->Collect().empty());
    }
    static_cast<void>(monitor_.stats());
    static_cast<void>(shadow_.stats());
    static_cast<void>(log_->stats());
    static_cast<void>(registry_->List());
  }

  TempDir dir_;
  std::unique_ptr<RevisionRegistry> registry_;
  std::unique_ptr<DecisionLog> log_;
  GuardrailMonitor monitor_;
  ShadowRunner shadow_;
  TokenSigner signer_;
  Metrics metrics_;
  Admission admission_{{}};
  PromptHandler handler_;
  std::vector<std::string> ids_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> answers_ = 0;
  std::atomic<int> failed_ = 0;
  std::atomic<int> told_ = 0;
};

TEST_F(CoreConcurrencyTest, EverythingAtOnce) {
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([this, i] { Call(i); });
  }
  const int swaps = testing::FromEnvironment("ATTUNE_SWAPS", 40);
  for (int i = 0; i < swaps; ++i) {
    EXPECT_THAT(registry_->SetTraffic({.active = ids_[i % 3],
                                       .canary = ids_[(i + 1) % 3],
                                       .canary_share = 0.5,
                                       .shadow = ids_[(i + 2) % 3]}),
                IsOk());
    Scrape();
    const int before = answers_;
    while (answers_ < before + kCallers) std::this_thread::yield();
  }
  stop_ = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failed_, 0);
  log_->Stop();
  EXPECT_EQ(told_, answers_);
  EXPECT_GE(answers_, kCallers * swaps);
}

}  // namespace
}  // namespace attune::server
