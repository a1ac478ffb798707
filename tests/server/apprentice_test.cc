// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Mode APPRENTICE: the caller's own choice is served and logged, and nothing of
// it counts as a revision's.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/decision_token.h"
#include "tests/server/http_get.h"
#include "tests/server/server_fixture.h"

namespace attune::server {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSeed = 5;

class ApprenticeTest : public ::testing::Test {
 protected:
  ApprenticeTest() : artifact_(MakeArtifact("one")) {
    EXPECT_TRUE(server_.PushRevision(artifact_).first.ok());
  }

  static v1::GetPromptRequest Request(v1::DecisionMode mode) {
    auto request = SampleRequest();
    request.set_user_id("ann");
    request.set_mode(mode);
    request.set_seed(kSeed);
    return request;
  }
  // A caller whose prompt has no hint and shows three items.
  static v1::GetPromptRequest CallersRequest() {
    auto request = Request(v1::DECISION_MODE_APPRENTICE);
    Add("hint", "none", &request);
    Add("history", "recent_3", &request);
    return request;
  }
  static void Add(const std::string& pattern, const std::string& option,
                  v1::GetPromptRequest* request) {
    v1::PatternChoice& choice = *request->add_own_choice();
    choice.set_pattern(pattern);
    choice.set_option_id(option);
  }

  v1::GetPromptResponse Prompt(const v1::GetPromptRequest& request) {
    auto [status, response] = server_.GetPrompt(request);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  std::vector<v1::LoggedDecision> Logged() {
    const auto page = server_.ListDecisions({}).second;
    return {page.decisions().begin(), page.decisions().end()};
  }
  std::string Metrics() {
    return HttpGet(server_.server().ports().metrics, "/metrics");
  }
  void SetTraffic(const v1::Traffic& traffic) {
    grpc::ClientContext context;
    v1::SetTrafficRequest request;
    v1::SetTrafficResponse response;
    *request.mutable_traffic() = traffic;
    const grpc::Status status =
        server_.policies().SetTraffic(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  TestServer server_;
  const std::string artifact_;
};

TEST_F(ApprenticeTest, ServesWhatAPreviewOfTheCallersChoiceShows) {
  const auto request = CallersRequest();
  const auto response = Prompt(request);
  EXPECT_EQ(response.revision(), policy::RevisionIdOf(artifact_));
  v1::PreviewPromptRequest preview;
  *preview.mutable_history() = request.history();
  *preview.mutable_candidates() = request.candidates();
  *preview.mutable_choice() = request.own_choice();
  preview.set_seed(kSeed);
  grpc::ClientContext context;
  v1::PreviewPromptResponse shown;
  ASSERT_TRUE(server_.prompts().PreviewPrompt(&context, preview, &shown).ok());
  EXPECT_EQ(TextOf(response), TextOf(shown));
  EXPECT_EQ(response.choice().SerializeAsString(),
            shown.choice().SerializeAsString());
  EXPECT_EQ(response.choice().history_length(), 3);
}

TEST_F(ApprenticeTest, LogsTheCallersChoiceAndWhatTheAgentsWouldDo) {
  const auto response = Prompt(CallersRequest());
  ASSERT_TRUE(
      server_.RecordReward(response.decision_token(), 0.75F).first.ok());
  const auto logged = Logged();
  ASSERT_EQ(logged.size(), 1u);
  const v1::LoggedDecision& decision = logged[0];
  EXPECT_EQ(decision.decision_id(), response.decision_id());
  EXPECT_EQ(decision.mode(), v1::DECISION_MODE_APPRENTICE);
  EXPECT_EQ(decision.role(), v1::DECISION_ROLE_ACTIVE);
  EXPECT_EQ(decision.revision(), policy::RevisionIdOf(artifact_));
  EXPECT_EQ(decision.feedback().reward(), 0.75F);
  const auto revision = policy::Revision::Load(artifact_).value();
  Eigen::VectorXf state = Eigen::VectorXf::Zero(decision.state_dim());
  for (int i = 0; i < decision.state_size(); ++i) state[i] = decision.state(i);
  std::vector<int> earlier;
  for (int k = 0; k < response.choice().patterns_size(); ++k) {
    const v1::LoggedPattern& pattern = decision.patterns(k);
    EXPECT_EQ(pattern.option(), response.choice().patterns(k).option());
    EXPECT_EQ(pattern.propensity(), 1.0F);
    const Eigen::VectorXf p =
        revision->policy().actor().Probabilities(k, state, earlier);
    const auto logged_p = Eigen::VectorXf::Map(pattern.probabilities().data(),
                                               pattern.probabilities_size());
    EXPECT_TRUE(p == logged_p) << k;
    EXPECT_LT(p.maxCoeff(), 1.0F);
    earlier.push_back(pattern.option());
  }
}

TEST_F(ApprenticeTest, OtherModesDoNotReadTheCallersChoice) {
  for (const auto mode : {v1::DECISION_MODE_SAMPLE, v1::DECISION_MODE_GREEDY}) {
    auto request = Request(mode);
    const std::string text = TextOf(Prompt(request));
    *request.mutable_own_choice() = CallersRequest().own_choice();
    Add("no pattern", "no option", &request);
    EXPECT_EQ(TextOf(Prompt(request)), text);
  }
}

TEST_F(ApprenticeTest, CountsHowOftenTheAgentsAgree) {
  auto request = Request(v1::DECISION_MODE_GREEDY);
  const auto greedy = Prompt(request);
  request.set_mode(v1::DECISION_MODE_APPRENTICE);
  *request.mutable_own_choice() = greedy.choice().patterns();
  Prompt(request);
  Prompt(request);
  // The last agent sees the same before it, and the caller takes another option.
  const int last = request.own_choice_size() - 1;
  const auto revision = policy::Revision::Load(artifact_).value();
  const auto& options = revision->policy().catalog().patterns;
  const int other = request.own_choice(last).option() == 0 ? 1 : 0;
  request.mutable_own_choice(last)->set_option_id(
      options[last].options[other].id);
  Prompt(request);
  const std::string text = Metrics();
  const std::string& name = options[last].name;
  for (const std::string& line :
       {std::string("decisions_total{result=\"agrees\"} 2"),
        std::string("decisions_total{result=\"differs\"} 1"),
        "options_total{pattern=\"" + name + "\",result=\"agrees\"} 2",
        "options_total{pattern=\"" + name + "\",result=\"differs\"} 1",
        "options_total{pattern=\"" + options[0].name +
            "\",result=\"agrees\"} 3"}) {
    EXPECT_THAT(text, HasSubstr("attune_apprentice_" + line));
  }
  // The agents themselves chose once.
  EXPECT_THAT(text, HasSubstr("attune_decisions_total{option=\"" +
                              greedy.choice().patterns(0).option_id() +
                              "\",pattern=\"" + options[0].name + "\"} 1"));
}

TEST_F(ApprenticeTest, NoAgentAgreesBeforeTheFirstRevision) {
  TestServer server;
  ASSERT_TRUE(server.GetPrompt(CallersRequest()).first.ok());
  const std::string text = HttpGet(server.server().ports().metrics, "/metrics");
  EXPECT_THAT(text,
              HasSubstr("attune_apprentice_decisions_total{result=\"differs\"} "
                        "1"));
  EXPECT_THAT(text, HasSubstr("attune_apprentice_options_total{pattern=\"role\""
                              ",result=\"agrees\"} 0"));
}

TEST_F(ApprenticeTest, TheTokenRefinesAndNamesNoRevision) {
  auto request = CallersRequest();
  const auto first = Prompt(request);
  const auto signer = TokenSigner::Create({.key = std::string(32, 'k')});
  const auto claims = signer->VerifySignature(first.decision_token());
  ASSERT_TRUE(claims.ok()) << claims.status();
  EXPECT_EQ(claims->revision_id, "");
  request.mutable_previous()->set_decision_token(first.decision_token());
  *request.mutable_previous()->mutable_ranked_item_ids() =
      first.answer().displayed_item_ids();
  EXPECT_EQ(Prompt(request).choice().SerializeAsString(),
            first.choice().SerializeAsString());
}

TEST_F(ApprenticeTest, ATrialDoesNotCountTheCallersDecisions) {
  const std::string canary = MakeArtifact("two");
  ASSERT_TRUE(server_.PushRevision(canary, {.activate = false}).first.ok());
  v1::Traffic traffic;
  traffic.set_active(policy::RevisionIdOf(artifact_));
  traffic.mutable_canary()->set_revision(policy::RevisionIdOf(canary));
  traffic.mutable_canary()->set_share(0.5F);
  SetTraffic(traffic);
  // What is seen is counted in its order: the agents' decisions end the wait.
  int canary_users = 0;
  for (const auto mode :
       {v1::DECISION_MODE_APPRENTICE, v1::DECISION_MODE_SAMPLE}) {
    for (int i = 0; i < 20; ++i) {
      auto request = CallersRequest();
      request.set_user_id(absl::StrCat("user ", i));
      request.set_mode(mode);
      const auto response = Prompt(request);
      ASSERT_TRUE(
          server_.RecordReward(response.decision_token(), 0.5F).first.ok());
      canary_users += mode == v1::DECISION_MODE_SAMPLE &&
                      response.revision() == policy::RevisionIdOf(canary);
    }
  }
  ASSERT_GT(canary_users, 0);
  ASSERT_LT(canary_users, 20);
  const auto expected = [](const char* name, int canary, int active) {
    return absl::StrCat("attune_trial_", name, "{role=\"active\"} ", active,
                        "\nattune_trial_", name, "{role=\"canary\"} ", canary);
  };
  std::string text;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  const std::string rewards =
      expected("rewards", canary_users, 20 - canary_users);
  while (text.find(rewards) == std::string::npos && absl::Now() < deadline) {
    text = Metrics();
    std::this_thread::yield();
  }
  EXPECT_THAT(text, HasSubstr(rewards));
  EXPECT_THAT(
      text, HasSubstr(expected("decisions", canary_users, 20 - canary_users)));
}

TEST_F(ApprenticeTest, AShadowIsNotAsked) {
  const std::string shadow = MakeArtifact("two");
  ASSERT_TRUE(server_.PushRevision(shadow, {.activate = false}).first.ok());
  v1::Traffic traffic;
  traffic.set_active(policy::RevisionIdOf(artifact_));
  traffic.set_shadow(policy::RevisionIdOf(shadow));
  SetTraffic(traffic);
  Prompt(CallersRequest());
  // The shadow keeps the order: what it decides on last ends the wait.
  const auto last = Prompt(Request(v1::DECISION_MODE_SAMPLE));
  std::vector<v1::LoggedDecision> shadowed;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (shadowed.empty() && absl::Now() < deadline) {
    for (const auto& decision : Logged()) {
      if (decision.role() == v1::DECISION_ROLE_SHADOW) {
        shadowed.push_back(decision);
      }
    }
    std::this_thread::yield();
  }
  ASSERT_EQ(shadowed.size(), 1u);
  EXPECT_EQ(shadowed[0].served_decision_id(), last.decision_id());
  EXPECT_THAT(Metrics(),
              HasSubstr(R"(attune_shadow_decisions_total{result="failed"} 0)"));
}

}  // namespace
}  // namespace attune::server
