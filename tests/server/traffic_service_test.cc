// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "server/audit_log.h"
#include "tests/server/http_get.h"
#include "tests/server/rpc_error.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::testing::HasSubstr;

// A server with an active revision and two more in store.
class TrafficServiceTest : public ::testing::Test {
 protected:
  TrafficServiceTest() {
    active_ = Push("active", true);
    canary_ = Push("canary", false);
    other_ = Push("other", false);
  }

  std::string Push(const std::string& tag, bool activate) {
    return server_.PushRevision(MakeArtifact(tag), {.activate = activate})
        .second.revision()
        .revision_id();
  }

  v1::Traffic Traffic(float share) const {
    v1::Traffic traffic;
    traffic.set_active(active_);
    traffic.mutable_canary()->set_revision(canary_);
    traffic.mutable_canary()->set_share(share);
    return traffic;
  }

  grpc::Status Set(const v1::Traffic& traffic, const std::string& reason = "") {
    grpc::ClientContext context;
    v1::SetTrafficRequest request;
    v1::SetTrafficResponse response;
    *request.mutable_traffic() = traffic;
    request.set_reason(reason);
    const grpc::Status status =
        server_.policies().SetTraffic(&context, request, &response);
    if (status.ok()) {
      EXPECT_EQ(response.traffic().DebugString(), traffic.DebugString());
    }
    return status;
  }

  grpc::Status Delete(const std::string& id) {
    grpc::ClientContext context;
    v1::DeleteRevisionRequest request;
    v1::DeleteRevisionResponse response;
    request.set_revision_id(id);
    return server_.policies().DeleteRevision(&context, request, &response);
  }

  v1::GetPromptResponse PromptOf(const std::string& user) {
    auto request = SampleRequest();
    request.set_user_id(user);
    auto [status, response] = server_.GetPrompt(request);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // Which revision serves each of some users.
  std::map<std::string, std::string> Served(int users = 200) {
    std::map<std::string, std::string> served;
    for (int i = 0; i < users; ++i) {
      const std::string user = "user-" + std::to_string(i);
      served[user] = PromptOf(user).revision();
    }
    return served;
  }

  std::vector<v1::LoggedDecision> Logged() {
    const auto page = server_.ListDecisions(v1::ListDecisionsRequest()).second;
    return {page.decisions().begin(), page.decisions().end()};
  }

  std::string Audit() const {
    return ReadFile(server_.revision_dir() + "/audit.jsonl");
  }

  TestServer server_;
  std::string active_;
  std::string canary_;
  std::string other_;
};

// A WatchRevisions stream.
class Watch {
 public:
  explicit Watch(TestServer& server)
      : stream_(server.policies().WatchRevisions(
            &context_, v1::WatchRevisionsRequest())) {}
  ~Watch() {
    if (ended_) return;
    context_.TryCancel();
    stream_->Finish();
  }
  v1::WatchRevisionsResponse Next() {
    v1::WatchRevisionsResponse update;
    EXPECT_TRUE(stream_->Read(&update));
    return update;
  }
  grpc::Status End() {
    v1::WatchRevisionsResponse update;
    while (stream_->Read(&update)) {
    }
    ended_ = true;
    return stream_->Finish();
  }

 private:
  bool ended_ = false;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchRevisionsResponse>> stream_;
};

TEST_F(TrafficServiceTest, AUserStaysWithARevisionAlsoAfterARestart) {
  ASSERT_TRUE(Set(Traffic(0.3F)).ok());
  const auto before = Served();
  int canary = 0;
  for (const auto& [user, revision] : before) canary += revision == canary_;
  // 60 are expected; four standard deviations.
  EXPECT_NEAR(canary, 60, 26);
  EXPECT_EQ(Served(), before);
  server_.Restart();
  EXPECT_EQ(Served(), before);
}

TEST_F(TrafficServiceTest, TheDecisionLogSaysInWhichRole) {
  ASSERT_TRUE(Set(Traffic(1.0F)).ok());
  const auto canary = PromptOf("u");
  ASSERT_TRUE(Set(Traffic(0.0F)).ok());
  const auto active = PromptOf("u");
  auto named = SampleRequest();
  named.set_revision(other_);
  const auto other = server_.GetPrompt(named).second;
  ASSERT_TRUE(server_.RecordReward(other.decision_token(), 1.0F).first.ok());
  const auto logged = Logged();
  ASSERT_EQ(logged.size(), 3u);
  EXPECT_EQ(logged[0].revision(), canary_);
  EXPECT_EQ(logged[0].role(), v1::DECISION_ROLE_CANARY);
  EXPECT_EQ(logged[1].revision(), active_);
  EXPECT_EQ(logged[1].role(), v1::DECISION_ROLE_ACTIVE);
  EXPECT_EQ(logged[2].revision(), other_);
  EXPECT_EQ(logged[2].role(), v1::DECISION_ROLE_NAMED);
}

TEST_F(TrafficServiceTest, AShadowDecidesForTheLogAndAnswersNobody) {
  v1::Traffic traffic;
  traffic.set_active(active_);
  traffic.set_shadow(other_);
  ASSERT_TRUE(Set(traffic).ok());
  std::set<std::string> served;
  for (int i = 0; i < 20; ++i) {
    const auto prompt = PromptOf("u" + std::to_string(i));
    EXPECT_EQ(prompt.revision(), active_);
    EXPECT_THAT(TextOf(prompt), HasSubstr(CatalogTag("active")));
    served.insert(prompt.decision_id());
  }
  // Each list waits for what the log has; the shadow may still be deciding.
  std::vector<v1::LoggedDecision> logged;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (logged.size() < 40 && absl::Now() < deadline) {
    logged = Logged();
    std::this_thread::yield();
  }
  ASSERT_EQ(logged.size(), 40u);
  std::set<std::string> shadowed;
  for (const auto& decision : logged) {
    if (decision.role() != v1::DECISION_ROLE_SHADOW) {
      EXPECT_EQ(decision.served_decision_id(), "");
      continue;
    }
    EXPECT_EQ(decision.revision(), other_);
    EXPECT_EQ(served.count(decision.decision_id()), 0u);
    EXPECT_EQ(decision.user().size(), 8u);
    shadowed.insert(decision.served_decision_id());
  }
  EXPECT_EQ(shadowed, served);
}

TEST_F(TrafficServiceTest, AShadowLeavesOutRefinements) {
  v1::Traffic traffic;
  traffic.set_active(active_);
  traffic.set_shadow(other_);
  ASSERT_TRUE(Set(traffic).ok());
  const auto first = PromptOf("u");
  auto request = SampleRequest();
  request.set_user_id("u");
  request.mutable_previous()->set_decision_token(first.decision_token());
  *request.mutable_previous()->mutable_ranked_item_ids() =
      first.answer().displayed_item_ids();
  ASSERT_TRUE(server_.GetPrompt(request).first.ok());
  // The shadow keeps the order: what it decides on last ends the wait.
  const auto last = PromptOf("u");
  const std::set<std::string> expected = {first.decision_id(),
                                          last.decision_id()};
  std::set<std::string> shadowed;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (shadowed.count(last.decision_id()) == 0 && absl::Now() < deadline) {
    for (const auto& decision : Logged()) {
      if (decision.role() != v1::DECISION_ROLE_SHADOW) continue;
      shadowed.insert(decision.served_decision_id());
    }
    std::this_thread::yield();
  }
  EXPECT_EQ(shadowed, expected);
}

TEST_F(TrafficServiceTest, RefusesWhatMakesNoSense) {
  const auto plan = [&](const std::string& canary, float share,
                        const std::string& shadow) {
    v1::Traffic traffic = Traffic(share);
    traffic.mutable_canary()->set_revision(canary);
    traffic.set_shadow(shadow);
    return traffic;
  };
  const struct {
    v1::Traffic traffic;
    grpc::StatusCode code;
    const char* field;
  } kCases[] = {
      {plan(canary_, 1.5F, ""), grpc::StatusCode::INVALID_ARGUMENT,
       "traffic.canary.share"},
      {plan(canary_, std::nanf(""), ""), grpc::StatusCode::INVALID_ARGUMENT,
       "traffic.canary.share"},
      {plan("", 0.0F, ""), grpc::StatusCode::INVALID_ARGUMENT,
       "traffic.canary.revision"},
      {plan(active_, 0.5F, ""), grpc::StatusCode::INVALID_ARGUMENT,
       "traffic.canary.revision"},
      {plan(canary_, 0.5F, canary_), grpc::StatusCode::INVALID_ARGUMENT,
       "traffic.shadow"},
      {plan("0123456789abcdef", 0.5F, ""), grpc::StatusCode::NOT_FOUND, ""},
      {plan(canary_, 0.5F, "../../etc"), grpc::StatusCode::NOT_FOUND, ""},
      {v1::Traffic(), grpc::StatusCode::INVALID_ARGUMENT, "traffic.active"},
  };
  const std::string before = Audit();
  for (const auto& c : kCases) {
    const grpc::Status status = Set(c.traffic);
    EXPECT_EQ(status.error_code(), c.code) << c.traffic.DebugString();
    EXPECT_THAT(status.error_message(), HasSubstr(c.field));
  }
  EXPECT_EQ(Set(Traffic(0.1F), std::string(257, 'x')).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Audit(), before);
  EXPECT_EQ(server_.ActiveRevision(), active_);
}

TEST_F(TrafficServiceTest, RollbackEndsTheTrialFirst) {
  const std::string newer = Push("newer", true);
  v1::Traffic traffic = Traffic(1.0F);
  traffic.set_active(newer);
  ASSERT_TRUE(Set(traffic).ok());
  EXPECT_EQ(PromptOf("u").revision(), canary_);
  EXPECT_EQ(server_.Rollback().second, newer);
  EXPECT_EQ(PromptOf("u").revision(), newer);
  EXPECT_EQ(server_.Rollback().second, active_);
}

TEST_F(TrafficServiceTest, ListsRevisionsWithTheirRoles) {
  v1::Traffic traffic = Traffic(0.5F);
  traffic.set_shadow(other_);
  ASSERT_TRUE(Set(traffic).ok());
  std::map<std::string, v1::RevisionState> states;
  const auto listed = server_.List(0, "").second;
  for (const auto& revision : listed.revisions()) {
    states[revision.revision_id()] = revision.state();
  }
  EXPECT_EQ(states[active_], v1::REVISION_STATE_ACTIVE);
  EXPECT_EQ(states[canary_], v1::REVISION_STATE_CANARY);
  EXPECT_EQ(states[other_], v1::REVISION_STATE_SHADOW);
}

TEST_F(TrafficServiceTest, DeletesOnlyWhatIsNotInTraffic) {
  v1::Traffic traffic = Traffic(0.5F);
  traffic.set_shadow(other_);
  ASSERT_TRUE(Set(traffic).ok());
  for (const std::string& id : {active_, canary_, other_}) {
    const grpc::Status status = Delete(id);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_EQ(ErrorOf(status).reason, "REVISION_IN_TRAFFIC");
  }
  traffic.clear_shadow();
  ASSERT_TRUE(Set(traffic).ok());
  const std::string receipt =
      server_.dir().Write("revisions/" + other_ + ".receipt", "r");
  ASSERT_TRUE(std::filesystem::exists(receipt));
  ASSERT_TRUE(Delete(other_).ok());
  EXPECT_FALSE(std::filesystem::exists(receipt));
  EXPECT_EQ(Delete(other_).error_code(), grpc::StatusCode::NOT_FOUND);
  auto named = SampleRequest();
  named.set_revision(other_);
  EXPECT_EQ(server_.GetPrompt(named).first.error_code(),
            grpc::StatusCode::NOT_FOUND);
  server_.Restart();
  EXPECT_EQ(server_.List(0, "").second.revisions_size(), 2);
  // It can come back.
  EXPECT_EQ(Push("other", false), other_);
}

TEST_F(TrafficServiceTest, AuditsEveryChange) {
  ASSERT_TRUE(Set(Traffic(0.5F), "new catalog").ok());
  ASSERT_TRUE(Set(Traffic(0.5F), "nothing changes").ok());
  ASSERT_TRUE(server_.Rollback().first.ok());
  ASSERT_TRUE(Delete(canary_).ok());
  const std::string audit = Audit();
  EXPECT_THAT(audit, HasSubstr("\"action\":\"push\",\"who\":\"127.0.0.1\""));
  EXPECT_THAT(audit, HasSubstr("\"reason\":\"new catalog\""));
  EXPECT_THAT(audit, ::testing::Not(HasSubstr("nothing changes")));
  EXPECT_THAT(audit, HasSubstr("\"action\":\"rollback\""));
  EXPECT_THAT(audit, HasSubstr("\"revision\":\"" + canary_ + "\""));
  EXPECT_EQ(std::count(audit.begin(), audit.end(), '\n'), 4);
  EXPECT_THAT(VerifyAuditLog(audit), IsOk());
}

// Killed between the audit log and the state, or between the state and what
// follows.
TEST_F(TrafficServiceTest, SaysAfterARestartWhatDidNotTakeEffect) {
  ASSERT_TRUE(Set(Traffic(0.5F)).ok());
  const std::string state = ReadFile(server_.revision_dir() + "/state.json");
  ASSERT_TRUE(server_.Rollback().first.ok());
  server_.dir().Write("revisions/state.json", state);
  server_.Restart();
  EXPECT_THAT(Audit(), HasSubstr("\"not_applied\""));
  EXPECT_THAT(VerifyAuditLog(Audit()), IsOk());
  Watch watch(server_);
  EXPECT_EQ(watch.Next().traffic().DebugString(), Traffic(0.5F).DebugString());
}

TEST_F(TrafficServiceTest, WatchTellsTheTrafficAndEachChange) {
  Watch watch(server_);
  const auto first = watch.Next();
  EXPECT_EQ(first.traffic().active(), active_);
  EXPECT_FALSE(first.has_change());
  ASSERT_TRUE(Set(Traffic(0.25F), "try it").ok());
  const auto second = watch.Next();
  EXPECT_EQ(second.traffic().DebugString(), Traffic(0.25F).DebugString());
  EXPECT_EQ(second.sequence(), first.sequence() + 1);
  EXPECT_EQ(second.change().action(), "set_traffic");
  EXPECT_EQ(second.change().reason(), "try it");
  EXPECT_THAT(second.change().who(), HasSubstr("127.0.0.1"));
  ASSERT_TRUE(server_.Rollback().first.ok());
  EXPECT_EQ(watch.Next().change().action(), "rollback");
}

TEST_F(TrafficServiceTest, WhoWatchesDoesNotKeepTheServerFromStopping) {
  Watch watch(server_);
  watch.Next();
  const absl::Time start = absl::Now();
  server_.server().Shutdown();
  EXPECT_EQ(watch.End().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
}

TEST_F(TrafficServiceTest, NoMoreThanSoManyWatch) {
  std::vector<std::unique_ptr<v1::PolicyService::Stub>> stubs;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchRevisionsResponse>>>
      streams;
  v1::WatchRevisionsResponse update;
  for (int i = 0; i < 65; ++i) {
    // A connection has 16 streams.
    if (i % 16 == 0) {
      stubs.push_back(v1::PolicyService::NewStub(
          Connect(server_.server().ports().control)));
    }
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(stubs.back()->WatchRevisions(
        contexts.back().get(), v1::WatchRevisionsRequest()));
    EXPECT_EQ(streams.back()->Read(&update), i < 64) << i;
  }
  EXPECT_EQ(ErrorOf(streams.back()->Finish()).reason, "TOO_MANY_WATCHERS");
  for (int i = 0; i < 64; ++i) {
    contexts[i]->TryCancel();
    streams[i]->Finish();
  }
}

// A prompt carries the tag of its revision's catalog, so one that mixes two
// revisions shows.
TEST_F(TrafficServiceTest, NoPromptIsTornOrLostWhileTheTrafficChanges) {
  const std::map<std::string, std::string> tags = {
      {active_, "active"}, {canary_, "canary"}, {other_, "other"}};
  std::atomic<bool> done = false;
  std::atomic<int> prompts = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int thread = 0; thread < 4; ++thread) {
    callers.emplace_back([&, thread] {
      auto request = SampleRequest(2, 3);
      for (int i = 0; !done; ++i) {
        request.set_user_id(std::to_string(4 * i + thread));
        const auto [status, prompt] = server_.GetPrompt(request);
        const bool right =
            status.ok() &&
            TextOf(prompt).find(CatalogTag(tags.at(prompt.revision()))) !=
                std::string::npos;
        wrong += right ? 0 : 1;
        ++prompts;
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    v1::Traffic traffic = Traffic(static_cast<float>(i % 10) / 10.0F);
    (i % 3 == 0 ? *traffic.mutable_canary()->mutable_revision()
                : *traffic.mutable_shadow()) = other_;
    EXPECT_TRUE(Set(traffic).ok());
  }
  done = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_GT(prompts, 100);
  EXPECT_EQ(wrong, 0);
}

// The value of a metric of both arms of the trial, added up.
double OfBothArms(const std::string& metrics, const std::string& name) {
  double sum = 0.0;
  for (const char* role : {"active", "canary"}) {
    const std::string series = name + "{role=\"" + role + "\"} ";
    const size_t at = metrics.find(series);
    if (at != std::string::npos) {
      sum += std::stod(metrics.substr(at + series.size(), 32));
    }
  }
  return sum;
}

TEST_F(TrafficServiceTest, WhatACallerGetsWrongIsNoFailureOfARevision) {
  constexpr int kPrompts = 100;
  ASSERT_TRUE(Set(Traffic(0.5F)).ok());
  auto wrong = SampleRequest();
  wrong.clear_candidates();
  for (int i = 0; i < kPrompts; ++i) {
    wrong.set_user_id(std::to_string(i));
    EXPECT_EQ(server_.GetPrompt(wrong).first.error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
  }
  for (int i = 0; i < kPrompts; ++i) PromptOf(std::to_string(i));
  // Decisions are judged a little later, in their order.
  std::string metrics;
  while (OfBothArms(metrics, "attune_trial_decisions") < kPrompts) {
    metrics = HttpGet(server_.server().ports().metrics, "/metrics");
  }
  EXPECT_EQ(OfBothArms(metrics, "attune_trial_decisions"), kPrompts);
  EXPECT_EQ(OfBothArms(metrics, "attune_trial_failure_ratio"), 0.0);
}

// Between the last call and the end of the process Prometheus may come by.
TEST_F(TrafficServiceTest, AScrapeFindsTheShadowsNumbersAfterTheLastCall) {
  server_.server().Shutdown();
  EXPECT_THAT(HttpGet(server_.server().ports().metrics, "/metrics"),
              HasSubstr("\nattune_shadow_decisions_total{"));
}

// Whoever names a revision chooses its users; they say nothing about a share.
TEST_F(TrafficServiceTest, RewardsOfNamedRevisionsAreNoTrials) {
  ASSERT_TRUE(Set(Traffic(0.5F)).ok());
  constexpr int kPrompts = 64;
  for (int i = 0; i < kPrompts; ++i) {
    auto named = SampleRequest();
    named.set_user_id(std::to_string(i));
    named.set_revision(canary_);
    const auto prompt = server_.GetPrompt(named).second;
    ASSERT_TRUE(server_.RecordReward(prompt.decision_token(), 0.1F).first.ok());
  }
  // Rewards come in order: this one is after them.
  const auto prompt = PromptOf("anyone");
  ASSERT_TRUE(server_.RecordReward(prompt.decision_token(), 0.5F).first.ok());
  const int port = server_.server().ports().metrics;
  std::string metrics;
  while (OfBothArms(metrics, "attune_trial_rewards") < 1.0) {
    metrics = HttpGet(port, "/metrics");
  }
  EXPECT_EQ(OfBothArms(metrics, "attune_trial_rewards"), 1.0);
}

// End to end: users of the canary report worse rewards, and it goes.
TEST_F(TrafficServiceTest, ACanaryWithWorseRewardsIsRolledBack) {
  ASSERT_TRUE(Set(Traffic(0.5F)).ok());
  Watch watch(server_);
  watch.Next();
  std::vector<std::thread> callers;
  std::atomic<bool> done = false;
  for (int thread = 0; thread < 8; ++thread) {
    callers.emplace_back([&, thread] {
      for (int i = 0; !done && i < 4000; ++i) {
        const auto prompt = PromptOf(std::to_string(thread * 100000 + i));
        server_.RecordReward(prompt.decision_token(),
                             prompt.revision() == canary_ ? 0.2F : 0.8F);
      }
    });
  }
  const auto update = watch.Next();
  done = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(update.change().action(), "guardrail_rollback");
  EXPECT_EQ(update.change().who(), "guardrails");
  EXPECT_THAT(update.change().reason(), HasSubstr("reward"));
  EXPECT_FALSE(update.traffic().has_canary());
  EXPECT_EQ(PromptOf("anyone").revision(), active_);
  server_.Restart();
  EXPECT_EQ(PromptOf("anyone").revision(), active_);
}

}  // namespace
}  // namespace attune::server
