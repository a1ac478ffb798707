// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The SDK against the real server.

#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/cli.h"
#include "client/log_client.h"
#include "client/policy_client.h"
#include "client/prompt_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/status_matchers.h"

namespace attune::client {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::SampleCandidates;
using ::attune::testing::SampleHistory;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class WithServerTest : public ::testing::Test {
 protected:
  PromptClient Prompts() {
    auto client = PromptClient::Create(
        {.target = absl::StrCat("127.0.0.1:", server_.server().ports().data)});
    EXPECT_THAT(client, IsOk());
    return *client;
  }
  PolicyClient Policies() {
    auto client = PolicyClient::Create(
        {.target =
             absl::StrCat("127.0.0.1:", server_.server().ports().control)});
    EXPECT_THAT(client, IsOk());
    return *client;
  }

  server::TestServer server_;
  const v1::GetPromptRequest request_ =
      MakeRequest(SampleHistory(5), SampleCandidates(10));
};

TEST_F(WithServerTest, GetsManyPromptsOverOneStream) {
  std::vector<v1::GetPromptRequest> requests;
  for (int i = 0; i < 100; ++i) {
    requests.push_back(request_);
    requests.back().set_seed(i);
  }
  requests[37].clear_history();
  const auto prompts = Prompts().GetPrompts(requests);
  ASSERT_EQ(prompts.size(), requests.size());
  for (int i = 0; i < 100; ++i) {
    if (i == 37) continue;
    ASSERT_THAT(prompts[i], IsOk());
    const auto alone = Prompts().GetPrompt(requests[i]);
    ASSERT_THAT(alone, IsOk());
    EXPECT_EQ(ToChatMessagesJson(*prompts[i]), ToChatMessagesJson(*alone));
  }
  EXPECT_THAT(prompts[37], StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("history: 0 items")));
  EXPECT_TRUE(Prompts().GetPrompts({}).empty());
}

TEST_F(WithServerTest, ServesTheCallersOwnChoice) {
  const auto prompt = Prompts().GetPrompt(AsApprentice(
      request_, {{.pattern = "history", .option_id = "recent_3"}}));
  ASSERT_THAT(prompt, IsOk());
  EXPECT_EQ(prompt->history_length, 3);
  EXPECT_EQ(prompt->choice[0].option_id, "recent_3");
  EXPECT_EQ(prompt->choice[0].probability, 1.0F);
  EXPECT_THAT(Prompts().RecordFeedback(MakeFeedback(*prompt, 0.5F)), IsOk());
  EXPECT_THAT(Prompts().GetPrompt(AsApprentice(request_, {})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("own_choice: required")));
}

TEST_F(WithServerTest, AStreamToNobodyGivesEveryRequestItsError) {
  const PromptClient prompts = Prompts();
  server_.server().Shutdown();
  const auto results =
      prompts.GetPrompts(std::vector<v1::GetPromptRequest>(40, request_));
  ASSERT_EQ(results.size(), 40u);
  for (const auto& result : results) {
    EXPECT_THAT(result, StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
  }
}

// "exit code, output, errors" of `attune health` with more flags.
std::string Health(const std::vector<std::string>& flags) {
  std::vector<std::string> arguments = {"health", "--timeout", "20"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const int code = RunCli(arguments, {.in = in, .out = out, .err = err});
  return absl::StrCat(code, " ", out.str(), err.str());
}

TEST_F(WithServerTest, HealthSaysWhetherTheServerAndItsServicesServe) {
  // A log that cannot be written, so that there is a service that is not serving.
  server::ServerConfig config;
  config.log_dir = ::testing::TempDir() + "/no_log";
  std::filesystem::create_directories(config.log_dir + "/decisions.db");
  server_.Restart(config);
  const server::ServerPorts& ports = server_.server().ports();
  const std::string data = absl::StrCat("127.0.0.1:", ports.data);
  EXPECT_EQ(Health({"--server", data}), "0 SERVING\n");
  EXPECT_EQ(Health({"--server", data, "--json"}),
            "0 {\n  \"status\": \"SERVING\"\n}\n");
  EXPECT_EQ(Health({"--server", absl::StrCat("127.0.0.1:", ports.control),
                    "--service", "attune.v1.PolicyService"}),
            "0 SERVING\n");
  EXPECT_EQ(Health({"--server", data, "--service",
                    "attune.v1.PromptService.RecordFeedback"}),
            "1 attune: FAILED_PRECONDITION: attune.v1.PromptService."
            "RecordFeedback is NOT_SERVING\n");
  EXPECT_THAT(Health({"--server", data, "--service", "x.Y"}),
              StartsWith("1 attune: NOT_FOUND: "));
  server_.server().Shutdown();
  EXPECT_THAT(Health({"--server", data}), StartsWith("1 attune: UNAVAILABLE"));
}

TEST_F(WithServerTest, AnOverloadedServerIsAskedAgain) {
  server::ServerConfig config;
  config.max_calls = 1;
  server_.Restart(config);
  server_.HoldCalls();
  std::thread held([&] { EXPECT_THAT(Prompts().GetPrompt(request_), IsOk()); });
  server_.AwaitHeldCall();
  // The wait that the server asks for is when the held call is let go.
  int waits = 0;
  auto client = PromptClient::Create(
      {.target = absl::StrCat("127.0.0.1:", server_.server().ports().data),
       .clock = {.sleep = [&](absl::Duration wait) {
         EXPECT_GE(wait, absl::Milliseconds(1));
         ++waits;
         server_.ReleaseCalls();
         held.join();
       }}});
  EXPECT_THAT(client->GetPrompt(request_), IsOk());
  EXPECT_EQ(waits, 1);
}

TEST_F(WithServerTest, PushesActivatesAndRollsBack) {
  const PolicyClient policies = Policies();
  const std::string first = server::MakeArtifact("first");
  const std::string second = server::MakeArtifact("second");
  EXPECT_THAT(policies.Rollback(),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::_));
  ASSERT_THAT(policies.PushRevision(first, {.activate = true}), IsOk());
  const auto pushed =
      policies.PushRevision(second, {.activate = true, .chunk_bytes = 999});
  ASSERT_THAT(pushed, IsOk());
  EXPECT_EQ(pushed->revision().revision_id(), policy::RevisionIdOf(second));
  EXPECT_EQ(pushed->revision().state(), v1::REVISION_STATE_ACTIVE);
  const auto prompt = Prompts().GetPrompt(request_);
  ASSERT_THAT(prompt, IsOk());
  EXPECT_EQ(prompt->revision, policy::RevisionIdOf(second));
  const auto back = policies.Rollback();
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->active(), policy::RevisionIdOf(first));
  const auto revisions = policies.ListRevisions();
  ASSERT_THAT(revisions, IsOk());
  EXPECT_EQ(revisions->size(), 2U);
}

TEST_F(WithServerTest, PushGoesOnWhereABrokenStreamStopped) {
  const std::string artifact = server::MakeArtifact("resumed");
  const auto broken = server_.PushRevision(
      artifact, {.send = static_cast<int64_t>(artifact.size() / 2)});
  ASSERT_FALSE(broken.first.ok());
  const int64_t stored = server_.PushOffset(artifact).offset();
  ASSERT_GT(stored, 0);
  int64_t first_sent = -1;
  PushOptions options;
  options.on_progress = [&](const PushProgress& progress) {
    if (first_sent < 0) first_sent = progress.sent_bytes;
  };
  ASSERT_THAT(Policies().PushRevision(artifact, options), IsOk());
  EXPECT_EQ(first_sent, stored);
  const auto again = Policies().PushRevision(artifact, {.activate = true});
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->already_stored());
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(artifact));
}

TEST_F(WithServerTest, PushReportsWhatIsWrongWithAnArtifact) {
  std::string artifact = server::MakeArtifact("damaged");
  artifact[artifact.size() / 2] ^= 1;
  EXPECT_THAT(Policies().PushRevision(artifact, {.activate = true}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::ContainsRegex(" \\[[A-Z_]+\\]$")));
  EXPECT_THAT(server_.ActiveRevision(), StartsWith("uniform-"));
}

TEST_F(WithServerTest, RefinesOnThePreviousRanking) {
  const PromptClient client = Prompts();
  v1::GetPromptRequest request = request_;
  request.set_readout(v1::READOUT_GENERATE);
  const auto prompt = client.GetPrompt(request);
  ASSERT_THAT(prompt, IsOk());
  std::string answer;
  for (const std::string& label : prompt->answer.labels) {
    answer = absl::StrCat(label, answer.empty() ? "" : ", ", answer);
  }
  const auto ranked = ParseRanking(*prompt, answer);
  ASSERT_THAT(ranked, IsOk());
  EXPECT_EQ(ranked->status, policy::ParseStatus::kComplete);
  EXPECT_EQ(ranked->item_ids.front(), prompt->answer.displayed_item_ids.back());
  EXPECT_THAT(client.GetPrompt(Refine(request, *prompt, *ranked)), IsOk());
}

TEST_F(WithServerTest, ReportsReadsAndForgets) {
  const PromptClient client = Prompts();
  v1::GetPromptRequest request = request_;
  request.set_user_id("ann");
  const auto prompt = client.GetPrompt(request);
  ASSERT_THAT(prompt, IsOk());
  const RankedItems shown{.item_ids = prompt->answer.displayed_item_ids};
  const std::vector<std::string> clicked = {shown.item_ids[2]};
  const auto recorded =
      client.RecordFeedback(MakeFeedback(*prompt, shown, clicked));
  ASSERT_THAT(recorded, IsOk());
  EXPECT_EQ(recorded->reward(), 0.5F);
  const auto log = LogClient::Create(
      {.target = absl::StrCat("127.0.0.1:", server_.server().ports().control)});
  ASSERT_THAT(log, IsOk());
  std::vector<v1::LoggedDecision> read;
  const auto summary =
      log->ReadDecisions({}, [&](const auto& each) { read.push_back(each); });
  ASSERT_THAT(summary, IsOk());
  EXPECT_EQ(summary->with_feedback, 1);
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].decision_id(), prompt->decision_id);
  for (int k = 0; k < read[0].patterns_size(); ++k) {
    EXPECT_EQ(read[0].patterns(k).propensity(), prompt->choice[k].probability);
  }
  const auto erased = log->ForgetUser("ann");
  ASSERT_THAT(erased, IsOk());
  EXPECT_EQ(erased->erased_decisions(), 1);
  EXPECT_THAT(client.RecordFeedback(MakeFeedback(*prompt, 1.0F)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("DECISION_FORGOTTEN")));
}

TEST_F(WithServerTest, PreviewsWhatASeededDecisionChose) {
  v1::GetPromptRequest request = request_;
  request.set_seed(7);
  const auto decided = Prompts().GetPrompt(request);
  ASSERT_THAT(decided, IsOk());
  v1::PreviewPromptRequest preview;
  *preview.mutable_history() = request.history();
  *preview.mutable_candidates() = request.candidates();
  preview.set_seed(7);
  for (const ChosenOption& chosen : decided->choice) {
    v1::PatternChoice& choice = *preview.add_choice();
    choice.set_pattern(chosen.pattern);
    choice.set_option_id(chosen.option_id);
  }
  const auto previewed = Prompts().PreviewPrompt(preview);
  ASSERT_THAT(previewed, IsOk());
  EXPECT_EQ(ToChatMessagesJson(*previewed), ToChatMessagesJson(*decided));
}

TEST_F(WithServerTest, NamesTheFieldThatIsWrong) {
  v1::GetPromptRequest request = request_;
  request.mutable_history(3)->clear_title();
  EXPECT_THAT(Prompts().GetPromptOr(request, Prompt()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("history[3].title: ")));
}

}  // namespace
}  // namespace attune::client
