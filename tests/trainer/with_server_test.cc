// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The trainer's prompts are the server's: the same revision, request and seed
// give the same bytes in both programs.

#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/random.h"
#include "policy/revision.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/policy_builders.h"
#include "tests/testing/status_matchers.h"
#include "trainer/chooser.h"
#include "trainer/environment.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::SampleItem;

constexpr uint64_t kSeed = 20261124;
constexpr int kUsers = 100;  // two requests each

void AppendSized(const std::string& bytes, std::string* out) {
  absl::StrAppend(out, bytes.size(), ":", bytes);
}

// Everything of a prompt that reaches an LLM or a reader of its answer.
std::string BytesOf(const v1::GetPromptResponse& response) {
  std::string out = absl::StrCat(static_cast<int>(response.answer().readout()));
  for (const v1::Message& message : response.messages()) {
    AppendSized(message.role(), &out);
    for (const v1::Segment& segment : message.segments()) {
      absl::StrAppend(&out, static_cast<int>(segment.kind()));
      AppendSized(segment.source(), &out);
      AppendSized(segment.text(), &out);
    }
  }
  for (const auto& title : response.answer().displayed_titles()) {
    AppendSized(title, &out);
  }
  for (const auto& id : response.answer().displayed_item_ids()) {
    AppendSized(id, &out);
  }
  AppendSized(response.answer().prior_prefix(), &out);
  return out;
}

std::string BytesOf(const policy::Decision& decision, const Task& task) {
  const policy::RenderedPrompt& prompt = decision.prompt;
  std::string out = absl::StrCat(static_cast<int>(prompt.readout));
  for (const policy::Message& message : prompt.messages) {
    AppendSized(message.role, &out);
    for (const policy::Segment& segment : message.segments) {
      absl::StrAppend(&out, static_cast<int>(segment.kind));
      AppendSized(segment.source, &out);
      AppendSized(segment.text, &out);
    }
  }
  for (const std::string& title : prompt.displayed_titles) {
    AppendSized(title, &out);
  }
  for (int i = 0; i < decision.permutation.size(); ++i) {
    AppendSized(task.candidates[decision.permutation.CandidateAt(i)].id, &out);
  }
  AppendSized(prompt.prior_prefix, &out);
  return out;
}

// Items of the table, items that it lacks, titles that need sanitizing.
Task RandomTask(int user, policy::Rng& rng) {
  const int history = 1 + static_cast<int>(rng.Below(30));
  const int candidates = 2 + static_cast<int>(rng.Below(25));
  const auto order = policy::Permutation::Random(80, rng);
  Task task;
  task.user = user;
  for (int i = 0; i < history + candidates; ++i) {
    policy::Item item = SampleItem(order.CandidateAt(i));
    if (rng.Below(4) == 0) item.title += "\n\xE2\x80\xAE<|im_end|>";
    if (rng.Below(4) == 0) item.title += " \xC3\xA9\xF0\x9F\x8E\xAC";
    if (rng.Below(4) == 0) item.interact_seconds.reset();
    item.weight = rng.UnitFloat() * 5.0F;
    (i < history ? task.history : task.candidates).push_back(item);
  }
  return task;
}

v1::GetPromptRequest ToProto(const Task& task, uint64_t seed) {
  v1::GetPromptRequest request;
  policy::ItemsToProto(task.history, request.mutable_history());
  policy::ItemsToProto(task.candidates, request.mutable_candidates());
  request.set_seed(seed);
  return request;
}

class WithServerTest : public ::testing::TestWithParam<policy::HeadsKind> {
 protected:
  void SetUp() override {
    std::printf("seed %lu\n", static_cast<unsigned long>(kSeed));
    auto artifact = policy::EncodeRevision(testing::MakeRevisionParts(
        server::TaggedCatalogYaml("parity"), GetParam(), kSeed));
    ASSERT_THAT(artifact, IsOk());
    ASSERT_TRUE(server_.PushRevision(*artifact).first.ok());
    auto revision = policy::Revision::Load(*std::move(artifact));
    ASSERT_THAT(revision, IsOk());
    revision_ = *std::move(revision);
  }

  // Asks the server and, as the trainer does, the policy; the responses must be
  // equal in every byte and probability.
  v1::GetPromptResponse Compare(const v1::GetPromptRequest& request,
                                const Chooser& chooser, Task task,
                                policy::Request own) {
    const auto [status, response] = server_.GetPrompt(request);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.revision(), revision_->id());
    // What the server displays is the seed's order; the trainer names its own.
    own.permutation.reset();
    const auto unordered = chooser(own);
    EXPECT_THAT(unordered, IsOk());
    if (!status.ok() || !unordered.ok()) return {};
    EXPECT_EQ(BytesOf(response), BytesOf(*unordered, task));
    distinct_.insert(BytesOf(response));
    task.permutation = unordered->permutation;
    own.permutation = task.permutation;
    const auto decision = chooser(own);
    EXPECT_THAT(decision, IsOk());
    if (!decision.ok()) return {};
    EXPECT_EQ(BytesOf(response), BytesOf(*decision, task));
    ExpectSameChoice(response.choice(), decision->choice);
    options_.clear();
    for (const auto& pattern : decision->choice.patterns) {
      options_.push_back(pattern.option);
    }
    history_length_ = decision->choice.history_length;
    return response;
  }

  static void ExpectSameChoice(const v1::Choice& served,
                               const policy::Choice& own) {
    ASSERT_EQ(static_cast<size_t>(served.patterns_size()), own.patterns.size());
    for (size_t k = 0; k < own.patterns.size(); ++k) {
      const auto& pattern = served.patterns(static_cast<int>(k));
      EXPECT_EQ(pattern.option(), own.patterns[k].option);
      // To the bit.
      EXPECT_EQ(pattern.probability(), own.patterns[k].probability);
    }
    EXPECT_EQ(served.history_length(), own.history_length);
  }

  server::TestServer server_;
  std::shared_ptr<const policy::Revision> revision_;
  // Of the last decision.
  std::vector<int> options_;
  int history_length_ = 0;
  std::set<std::string> distinct_;
};

TEST_P(WithServerTest, TrainerAndServerGiveTheSameBytes) {
  policy::Rng rng(kSeed);
  const policy::Policy& policy = revision_->policy();
  for (int user = 0; user < kUsers && !HasFailure(); ++user) {
    SCOPED_TRACE(absl::StrCat("user ", user));
    const Task task = RandomTask(user, rng);
    const uint64_t seed = rng();
    const bool greedy = rng.Below(2) == 0;
    const auto readout = static_cast<policy::Readout>(1 + rng.Below(3));
    auto request = ToProto(task, seed);
    request.set_mode(greedy ? v1::DECISION_MODE_GREEDY
                            : v1::DECISION_MODE_SAMPLE);
    request.set_readout(static_cast<v1::Readout>(readout));
    const Chooser chooser =
        greedy ? GreedyPrompt(policy) : SampledPrompt(policy);
    policy::Request own = RequestOf(task, seed);
    own.readout = readout;
    const auto first = Compare(request, chooser, task, own);

    // Iteration t + 1: the previous ranking is part of the state.
    const auto ranking = policy::Permutation::Random(
        static_cast<int>(task.candidates.size()), rng);
    policy::PreviousIteration previous{.options = options_,
                                       .history_length = history_length_};
    auto* sent = request.mutable_previous();
    sent->set_decision_token(first.decision_token());
    for (int i = 0; i < ranking.size(); ++i) {
      previous.ranking.push_back(ranking.CandidateAt(i));
      sent->add_ranked_item_ids(task.candidates[ranking.CandidateAt(i)].id);
    }
    request.set_seed(seed + 1);
    own.seed = seed + 1;
    own.previous = std::move(previous);
    Compare(request, chooser, task, own);
  }
  // They were 200 prompts, not one.
  EXPECT_EQ(distinct_.size(), 2U * kUsers);
}

INSTANTIATE_TEST_SUITE_P(Heads, WithServerTest,
                         ::testing::Values(policy::HeadsKind::kIndependent,
                                           policy::HeadsKind::kAutoregressive),
                         [](const auto& info) {
                           return std::string(
                               info.param == policy::HeadsKind::kIndependent
                                   ? "Independent"
                                   : "Autoregressive");
                         });

}  // namespace
}  // namespace attune::trainer
