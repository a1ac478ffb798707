// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// RecordFeedback and LogService over a real server.

#include "server/feedback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "tests/server/rpc_error.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

v1::RecordFeedbackRequest Ranked(const std::vector<std::string>& ranked,
                                 const std::vector<std::string>& relevant) {
  v1::RecordFeedbackRequest request;
  auto* const ranking = request.mutable_ranking();
  for (const std::string& id : ranked) ranking->add_ranked_item_ids(id);
  for (const std::string& id : relevant) ranking->add_relevant_item_ids(id);
  return request;
}

TEST(OutcomeOfTest, ComputesTheNdcgOfARanking) {
  const std::vector<std::string> ranked = {"a", "b", "c", "d"};
  EXPECT_EQ(OutcomeOf(Ranked(ranked, {"a"}))->reward(), 1.0F);
  EXPECT_EQ(OutcomeOf(Ranked(ranked, {"c"}))->reward(), 0.5F);
  EXPECT_EQ(OutcomeOf(Ranked(ranked, {"b", "a"}))->reward(), 1.0F);
  EXPECT_EQ(OutcomeOf(Ranked(ranked, {}))->reward(), 0.0F);
  EXPECT_EQ(OutcomeOf(Ranked(ranked, {"elsewhere"}))->reward(), 0.0F);
  // (1) / (1 + 1/log2(3)).
  EXPECT_NEAR(OutcomeOf(Ranked(ranked, {"a", "elsewhere"}))->reward(), 0.61315F,
              1e-5);
}

TEST(OutcomeOfTest, NamesTheFieldThatIsWrong) {
  const auto field = [](const v1::RecordFeedbackRequest& request) {
    const auto outcome = OutcomeOf(request);
    EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(outcome.status().message());
  };
  v1::RecordFeedbackRequest request;
  EXPECT_THAT(field(request), HasSubstr("outcome: "));
  for (const float reward :
       {-0.1F, 1.1F, std::numeric_limits<float>::quiet_NaN(),
        std::numeric_limits<float>::infinity()}) {
    request.set_reward(reward);
    EXPECT_THAT(field(request), HasSubstr("reward: "));
  }
  EXPECT_THAT(field(Ranked({}, {"a"})), HasSubstr("ranking.ranked_item_ids: "));
  EXPECT_THAT(field(Ranked({"a", "a"}, {})),
              HasSubstr("ranking.ranked_item_ids[1]: "));
  EXPECT_THAT(field(Ranked({"a"}, {"b", ""})),
              HasSubstr("ranking.relevant_item_ids[1]: "));
  EXPECT_THAT(field(Ranked({"a"}, {std::string(257, 'x')})),
              HasSubstr("ranking.relevant_item_ids[0]: "));
  EXPECT_THAT(field(Ranked(std::vector<std::string>(27, "a"), {})),
              HasSubstr("ranking.ranked_item_ids: "));
}

class FeedbackTest : public ::testing::Test {
 protected:
  v1::GetPromptResponse Prompt(const std::string& user_id = "") {
    v1::GetPromptRequest request = SampleRequest();
    request.set_user_id(user_id);
    auto [status, response] = server_.GetPrompt(request);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  void ExpectError(const grpc::Status& status, grpc::StatusCode code,
                   const std::string& reason) {
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_EQ(ErrorOf(status).reason, reason);
    EXPECT_EQ(ErrorOf(status).domain, "attune");
  }
  std::string LogBytes() {
    std::string bytes;
    for (const auto& file :
         std::filesystem::directory_iterator(server_.revision_dir() + "/log")) {
      bytes += ReadFile(file.path().string());
    }
    return bytes;
  }
  // Every logged decision, once the log is flushed.
  std::vector<v1::LoggedDecision> Logged(ServerConfig config = {}) {
    server_.Restart(config);
    auto [status, response] = server_.ListDecisions({});
    EXPECT_TRUE(status.ok()) << status.error_message();
    return {response.decisions().begin(), response.decisions().end()};
  }

  TestServer server_;
};

TEST_F(FeedbackTest, RecordsTheRewardOfARanking) {
  const v1::GetPromptResponse prompt = Prompt("ann");
  v1::RecordFeedbackRequest request;
  request.set_decision_token(prompt.decision_token());
  const auto& displayed = prompt.answer().displayed_item_ids();
  *request.mutable_ranking()->mutable_ranked_item_ids() = displayed;
  request.mutable_ranking()->add_relevant_item_ids(displayed[2]);
  const auto [status, response] = server_.RecordFeedback(request);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.decision_id(), prompt.decision_id());
  EXPECT_EQ(response.reward(), 0.5F);
  EXPECT_FALSE(response.duplicate());
  const auto logged = Logged();
  ASSERT_THAT(logged, SizeIs(1));
  EXPECT_EQ(logged[0].decision_id(), prompt.decision_id());
  EXPECT_EQ(logged[0].revision(), prompt.revision());
  EXPECT_EQ(logged[0].mode(), v1::DECISION_MODE_SAMPLE);
  EXPECT_EQ(logged[0].user().size(), 8U);
  EXPECT_EQ(logged[0].feedback().reward(), 0.5F);
  EXPECT_EQ(logged[0].feedback().ranked_item_ids_size(), displayed.size());
  EXPECT_EQ(logged[0].displayed_item_ids_size(), displayed.size());
  ASSERT_EQ(logged[0].patterns_size(), prompt.choice().patterns_size());
  for (int k = 0; k < logged[0].patterns_size(); ++k) {
    const v1::LoggedPattern& pattern = logged[0].patterns(k);
    EXPECT_EQ(pattern.option(), prompt.choice().patterns(k).option());
    EXPECT_EQ(pattern.propensity(), prompt.choice().patterns(k).probability());
    EXPECT_EQ(pattern.probabilities(pattern.option()), pattern.propensity());
  }
}

TEST_F(FeedbackTest, LogsWhatATrainedRevisionSaw) {
  ASSERT_TRUE(server_.PushRevision(MakeArtifact("one")).first.ok());
  const v1::GetPromptResponse prompt = Prompt();
  const auto logged = Logged();
  ASSERT_THAT(logged, SizeIs(1));
  EXPECT_EQ(logged[0].revision(), prompt.revision());
  EXPECT_EQ(logged[0].user(), "");
  EXPECT_GT(logged[0].state_size(), 0);
  for (int k = 0; k < logged[0].patterns_size(); ++k) {
    const v1::LoggedPattern& pattern = logged[0].patterns(k);
    float sum = 0.0F;
    for (const float p : pattern.probabilities()) sum += p;
    EXPECT_NEAR(sum, 1.0F, 1e-5);
    EXPECT_EQ(pattern.propensity(), prompt.choice().patterns(k).probability());
    EXPECT_EQ(pattern.probabilities(pattern.option()), pattern.propensity());
  }
}

TEST_F(FeedbackTest, KeepsHistoriesOnlyWhereItIsTold) {
  Prompt();
  ServerConfig config;
  config.log_requests = true;
  server_.Restart(config);
  Prompt();
  const auto logged = Logged();
  ASSERT_THAT(logged, SizeIs(2));
  EXPECT_EQ(logged[0].history_size() + logged[0].candidates_size(), 0);
  EXPECT_EQ(logged[1].history_size(), 5);
  EXPECT_EQ(logged[1].candidates_size(), 10);
}

TEST_F(FeedbackTest, IsIdempotentPerDecisionAcrossRestarts) {
  const std::string token = Prompt().decision_token();
  ASSERT_TRUE(server_.RecordReward(token, 0.25F).first.ok());
  for (int i = 0; i < 3; ++i) {
    const auto [status, response] = server_.RecordReward(token, 1.0F);
    ASSERT_TRUE(status.ok());
    EXPECT_EQ(response.reward(), 0.25F);
    EXPECT_TRUE(response.duplicate());
    server_.Restart();
  }
  EXPECT_EQ(Logged()[0].feedback().reward(), 0.25F);
}

TEST_F(FeedbackTest, IsAcceptedWithinItsWindow) {
  ServerConfig config;
  config.token_ttl = absl::Hours(1);
  config.feedback_window = absl::Hours(3);
  server_.Restart(config);
  const std::string token = Prompt().decision_token();
  const std::string other = Prompt().decision_token();
  server_.Advance(absl::Hours(3) - absl::Seconds(1));
  EXPECT_TRUE(server_.RecordReward(token, 1.0F).first.ok());
  server_.Advance(absl::Seconds(1));
  for (const std::string& late : {token, other}) {
    ExpectError(server_.RecordReward(late, 1.0F).first,
                grpc::StatusCode::FAILED_PRECONDITION,
                "FEEDBACK_WINDOW_CLOSED");
  }
}

TEST_F(FeedbackTest, AcceptsTokensOfEveryKeyInItsFile) {
  const std::string first(64, '1');
  const std::string second(64, '2');
  ServerConfig config;
  config.token_key_file = server_.dir().Write("keys", first);
  server_.Restart(config);
  const std::string token = Prompt("ann").decision_token();
  config.token_key_file = server_.dir().Write("keys", second + "\n" + first);
  server_.Restart(config);
  EXPECT_TRUE(server_.RecordReward(token, 1.0F).first.ok());
  const std::string newer = Prompt("ann").decision_token();
  config.token_key_file = server_.dir().Write("keys", second);
  server_.Restart(config);
  EXPECT_TRUE(server_.RecordReward(newer, 1.0F).first.ok());
  ExpectError(server_.RecordReward(token, 1.0F).first,
              grpc::StatusCode::UNAUTHENTICATED, "TOKEN_NOT_OURS");
  // Who a user is does not depend on the tokens' key.
  const auto logged = Logged(config);
  ASSERT_THAT(logged, SizeIs(2));
  EXPECT_EQ(logged[0].user(), logged[1].user());
}

TEST_F(FeedbackTest, RefusesForgedTokens) {
  std::string token = Prompt().decision_token();
  token[20] ^= 1;
  for (const std::string& forged : {std::string(), std::string("x"), token}) {
    ExpectError(server_.RecordReward(forged, 1.0F).first,
                grpc::StatusCode::UNAUTHENTICATED, "TOKEN_NOT_OURS");
  }
}

TEST_F(FeedbackTest, NamesTheFieldThatIsWrong) {
  v1::RecordFeedbackRequest request;
  request.set_decision_token(Prompt().decision_token());
  request.set_reward(2.0F);
  const grpc::Status status = server_.RecordFeedback(request).first;
  ExpectError(status, grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD");
  EXPECT_EQ(ErrorOf(status).field, "reward");
  request.set_reward(1.0F);
  request.set_request_id(std::string(65, 'x'));
  EXPECT_EQ(ErrorOf(server_.RecordFeedback(request).first).field, "request_id");
}

TEST_F(FeedbackTest, WithoutALogPromptsAreServedAndFeedbackIsRefused) {
  ServerConfig config;
  config.log_dir = "off";
  server_.Restart(config);
  ExpectError(server_.RecordReward(Prompt().decision_token(), 1.0F).first,
              grpc::StatusCode::FAILED_PRECONDITION, "LOG_DISABLED");
  ExpectError(server_.ForgetUser("ann").first,
              grpc::StatusCode::FAILED_PRECONDITION, "LOG_DISABLED");
  ExpectError(server_.ListDecisions({}).first,
              grpc::StatusCode::FAILED_PRECONDITION, "LOG_DISABLED");
}

TEST_F(FeedbackTest, ADamagedLogStopsFeedbackButNotPrompts) {
  ServerConfig config;
  config.log_dir = server_.dir().path() + "/damaged";
  std::filesystem::create_directory(config.log_dir);
  server_.dir().Write("damaged/decisions.db", std::string(8192, 'x'));
  server_.Restart(config);
  ExpectError(server_.RecordReward(Prompt().decision_token(), 1.0F).first,
              grpc::StatusCode::DATA_LOSS, "LOG_DAMAGED");
}

TEST_F(FeedbackTest, StartRefusesAWindowBeyondTheRetention) {
  ServerConfig config;
  config.data_listen = config.control_listen = config.metrics_listen =
      "127.0.0.1:0";
  config.revision_dir = server_.dir().path() + "/other";
  config.feedback_window = absl::Hours(2);
  config.log_retention = absl::Hours(1);
  EXPECT_THAT(Server::Start({config, nullptr}).status(),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("feedback_window")));
}

TEST_F(FeedbackTest, ListsPagesOfWhatWasAnswered) {
  for (int i = 0; i < 5; ++i) Prompt();
  v1::ListDecisionsRequest request;
  request.set_page_size(2);
  std::vector<std::string> ids;
  do {
    const auto [status, page] = server_.ListDecisions(request);
    ASSERT_TRUE(status.ok());
    for (const auto& decision : page.decisions()) {
      ids.push_back(decision.decision_id());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(std::set<std::string>(ids.begin(), ids.end()), SizeIs(5));
  request.set_page_token("x");
  ExpectError(server_.ListDecisions(request).first,
              grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD");
  request.set_page_token("");
  request.set_page_size(1001);
  ExpectError(server_.ListDecisions(request).first,
              grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD");
}

TEST_F(FeedbackTest, ForgetLeavesNoByteOfTheUser) {
  const v1::GetPromptResponse gone = Prompt("ann");
  const std::string kept = Prompt("bob").decision_token();
  ASSERT_TRUE(server_.RecordReward(gone.decision_token(), 1.0F).first.ok());
  ASSERT_TRUE(server_.RecordReward(kept, 0.5F).first.ok());
  auto [listed, before] = server_.ListDecisions({});
  ASSERT_EQ(before.decisions_size(), 2);
  const std::string pseudonym = before.decisions(0).user();
  ASSERT_THAT(LogBytes(), HasSubstr(pseudonym));
  const auto [status, erased] = server_.ForgetUser("ann");
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(erased.erased_decisions(), 1);
  EXPECT_EQ(erased.erased_feedback(), 1);
  EXPECT_THAT(LogBytes(), Not(HasSubstr(pseudonym)));
  EXPECT_THAT(LogBytes(), Not(HasSubstr("ann")));
  ExpectError(server_.RecordReward(gone.decision_token(), 1.0F).first,
              grpc::StatusCode::FAILED_PRECONDITION, "DECISION_FORGOTTEN");
  EXPECT_TRUE(server_.RecordReward(kept, 0.5F).second.duplicate());
  EXPECT_EQ(server_.ForgetUser("ann").second.erased_decisions(), 0);
  ExpectError(server_.ForgetUser("").first, grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_FIELD");
}

}  // namespace
}  // namespace attune::server
