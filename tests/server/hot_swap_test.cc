// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <iostream>
#include <map>
#include <thread>
#include <vector>

#include "tests/server/server_fixture.h"
#include "tests/testing/environment.h"

namespace attune::server {
namespace {

constexpr int kRevisions = 8;
constexpr int kClients = 4;

struct Tally {
  std::atomic<int> answers = 0;
  std::atomic<int> failed = 0;
  std::atomic<int> torn = 0;
};

// Each revision's sentences carry its tag, so an answer whose tag is not that
// of the revision it names mixes two of them.
void CallUntil(const std::atomic<bool>& stop, int port,
               const std::map<std::string, std::string>& tag_of, Tally* tally) {
  auto stub = v1::PromptService::NewStub(Connect(port));
  const auto request = SampleRequest();
  while (!stop) {
    grpc::ClientContext context;
    v1::GetPromptResponse response;
    ++tally->answers;
    if (!stub->GetPrompt(&context, request, &response).ok()) {
      ++tally->failed;
      continue;
    }
    for (const std::string& text :
         {TextOf(response), response.answer().prior_prefix()}) {
      for (const auto& [revision, tag] : tag_of) {
        const bool has_tag = text.find(tag) != std::string::npos;
        if (has_tag != (revision == response.revision())) ++tally->torn;
      }
    }
  }
}

TEST(HotSwapTest, NoAnswerIsTornOrFailedOverManySwaps) {
  TestServer server;
  std::map<std::string, std::string> tag_of;
  std::vector<std::string> artifacts;
  for (int i = 0; i < kRevisions; ++i) {
    const std::string tag = std::to_string(i);
    artifacts.push_back(MakeArtifact(tag));
    tag_of[policy::RevisionIdOf(artifacts.back())] = CatalogTag(tag);
  }
  ASSERT_TRUE(server.PushRevision(artifacts[0]).first.ok());

  Tally tally;
  std::atomic<bool> stop = false;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back(
        [&] { CallUntil(stop, server.server().ports().data, tag_of, &tally); });
  }
  const int wanted = testing::FromEnvironment("ATTUNE_SWAPS", 240);
  int swaps = 0;
  int answers_before = 0;
  for (; swaps < wanted; ++swaps) {
    // Some swaps are pushes of new bytes, the others go among stored ones.
    const std::string& artifact = artifacts[(swaps + 1) % kRevisions];
    const grpc::Status status = server.PushRevision(artifact).first;
    ASSERT_TRUE(status.ok()) << status.error_message();
    // Every revision answers somebody.
    while (tally.answers < answers_before + kClients) std::this_thread::yield();
    answers_before = tally.answers;
  }
  EXPECT_EQ(server.ActiveRevision(),
            policy::RevisionIdOf(artifacts[wanted % kRevisions]));
  stop = true;
  for (auto& client : clients) client.join();
  std::cout << "[ hot swap ] " << swaps << " swaps, " << tally.answers
            << " answers, " << tally.failed << " failed, " << tally.torn
            << " torn\n";
  EXPECT_EQ(swaps, wanted);
  EXPECT_GE(tally.answers, kClients * wanted);
  EXPECT_EQ(tally.failed, 0);
  EXPECT_EQ(tally.torn, 0);
}

}  // namespace
}  // namespace attune::server
