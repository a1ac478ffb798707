// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Resident memory stays flat over many prompts, each tenth with feedback, while
// decisions are logged and the log is full. ATTUNE_REQUESTS says how many
// (30,000).

#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "tests/server/resident_memory.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/environment.h"

namespace attune::server {
namespace {

constexpr int kSamples = 100;
constexpr int kFeedbackEvery = 10;
constexpr int64_t kMaxGrowth = 8 << 20;

// Another user, other titles and another length each time.
v1::GetPromptRequest RequestOf(int number) {
  v1::GetPromptRequest request =
      SampleRequest(1 + number % 30, 2 + number % 25);
  request.set_user_id("user-" + std::to_string(number));
  request.mutable_history(0)->set_title("Title " + std::to_string(number));
  return request;
}

TEST(MemoryTest, StaysFlat) {
  const int requests = testing::FromEnvironment("ATTUNE_REQUESTS", 30000);
  TestServer server;
  ServerConfig config;
  config.log_max_bytes = 4 << 20;
  server.Restart(config);
  ASSERT_TRUE(server.PushRevision(MakeArtifact("memory")).first.ok());
  ResidentMemory memory;
  for (int i = 0; i < requests; ++i) {
    // Or feedback, which stays for its window, would fill the log.
    server.Advance(absl::Seconds(1));
    const auto [status, response] = server.GetPrompt(RequestOf(i));
    ASSERT_TRUE(status.ok()) << i << ": " << status.error_message();
    if (i % kFeedbackEvery == 0) {
      const auto told = server.RecordReward(response.decision_token(), 0.5F);
      ASSERT_TRUE(told.first.ok()) << i << ": " << told.first.error_message();
    }
    if (i % (requests / kSamples + 1) == 0) memory.Sample();
  }
  std::cout << "[ memory   ] " << requests
            << " requests: " << ResidentBytes() / (1 << 20) << " MiB, grew by "
            << memory.Growth() / 1024 << " KiB\n";
  EXPECT_LE(memory.Growth(), kMaxGrowth);
}

}  // namespace
}  // namespace attune::server
