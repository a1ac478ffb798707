// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/activation_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ActivationRuleTest, ActivatingAppends) {
  EXPECT_THAT(AfterActivate({}, "a"), ElementsAre("a"));
  EXPECT_THAT(AfterActivate({"a"}, "b"), ElementsAre("a", "b"));
  EXPECT_THAT(AfterActivate({"a", "b"}, "a"), ElementsAre("a", "b", "a"));
}

TEST(ActivationRuleTest, ActivatingTheActiveOneChangesNothing) {
  EXPECT_THAT(AfterActivate({"a", "b"}, "b"), ElementsAre("a", "b"));
}

TEST(ActivationRuleTest, TheOldestActivationsAreForgotten) {
  Activations activations;
  for (size_t i = 0; i < kMaxActivations + 5; ++i) {
    activations = AfterActivate(activations, std::to_string(i));
  }
  EXPECT_EQ(activations.size(), kMaxActivations);
  EXPECT_EQ(activations.front(), "5");
}

TEST(ActivationRuleTest, RollbackGoesBackOneStepEachTime) {
  auto once = AfterRollback({"a", "b", "c"});
  ASSERT_THAT(once, IsOk());
  EXPECT_THAT(*once, ElementsAre("a", "b"));
  auto twice = AfterRollback(*once);
  ASSERT_THAT(twice, IsOk());
  EXPECT_THAT(*twice, ElementsAre("a"));
}

TEST(ActivationRuleTest, RollbackFailsWithoutAnEarlierRevision) {
  for (const Activations& activations : {Activations{}, Activations{"a"}}) {
    EXPECT_THAT(AfterRollback(activations),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  }
}

TEST(ActivationRuleTest, RestartFallsBackToTheNewestUsableOne) {
  const auto all_but = [](std::string bad) {
    return [bad](const std::string& id) { return id != bad; };
  };
  EXPECT_THAT(AfterRestart({"a", "b", "c"}, all_but("-")),
              ElementsAre("a", "b", "c"));
  EXPECT_THAT(AfterRestart({"a", "b", "c"}, all_but("c")),
              ElementsAre("a", "b"));
  // Without b, a would follow a.
  EXPECT_THAT(AfterRestart({"a", "b", "a"}, all_but("b")), ElementsAre("a"));
  EXPECT_THAT(AfterRestart({"a"}, all_but("a")), IsEmpty());
}

}  // namespace
}  // namespace attune::server
