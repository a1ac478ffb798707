// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/traffic_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TrafficState State() {
  return {.activations = {"a", "b"},
          .canary = "c",
          .canary_share = 0.1,
          .shadow = "s",
          .sequence = 7,
          .trial = 6};
}

TEST(AfterSetTrafficTest, ReplacesEverything) {
  const auto after = AfterSetTraffic(State(), {.active = "d"});
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ(after->PlanOr(""), TrafficPlan{.active = "d"});
  EXPECT_THAT(after->activations, ElementsAre("a", "b", "d"));
  EXPECT_EQ(after->sequence, 8);
  EXPECT_EQ(after->trial, 8);
}

TEST(AfterSetTrafficTest, ChangesNothingIfNothingChanges) {
  const auto after = AfterSetTraffic(State(), State().PlanOr(""));
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ(after->sequence, 7);
}

TEST(AfterSetTrafficTest, AnotherShadowIsNoOtherTrial) {
  TrafficPlan plan = State().PlanOr("");
  plan.shadow = "t";
  EXPECT_EQ(AfterSetTraffic(State(), plan)->trial, 6);
  plan.canary_share = 0.2;
  EXPECT_EQ(AfterSetTraffic(State(), plan)->trial, 8);
}

TEST(AfterSetTrafficTest, NamesTheFieldThatItRefuses) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const struct {
    TrafficPlan plan;
    const char* field;
  } kCases[] = {
      {{.active = ""}, "traffic.active"},
      {{.active = "a", .canary = "c", .canary_share = -0.1}, "canary.share"},
      {{.active = "a", .canary = "c", .canary_share = 1.1}, "canary.share"},
      {{.active = "a", .canary = "c", .canary_share = nan}, "canary.share"},
      {{.active = "a", .canary_share = 0.1}, "canary.revision"},
      {{.active = "a", .canary = "a", .canary_share = 0.1}, "canary.revision"},
      {{.active = "a", .shadow = "a"}, "traffic.shadow"},
      {{.active = "a", .canary = "c", .shadow = "c"}, "traffic.shadow"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(
        AfterSetTraffic(State(), c.plan),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.field)));
  }
}

TEST(AfterPromoteTest, EndsTheTrialOfWhatItPromotes) {
  EXPECT_EQ(AfterPromote(State(), "c").PlanOr(""),
            (TrafficPlan{.active = "c", .shadow = "s"}));
  EXPECT_EQ(AfterPromote(State(), "s").PlanOr(""),
            (TrafficPlan{.active = "s", .canary = "c", .canary_share = 0.1}));
  EXPECT_EQ(AfterPromote(State(), "b").sequence, 7);
}

TEST(AfterRollbackTest, EndsTheTrialFirstAndThenGoesBack) {
  const auto once = AfterRollback(State());
  ASSERT_THAT(once, IsOk());
  EXPECT_EQ(once->PlanOr(""), (TrafficPlan{.active = "b", .shadow = "s"}));
  const auto twice = AfterRollback(*once);
  ASSERT_THAT(twice, IsOk());
  EXPECT_EQ(twice->PlanOr(""), (TrafficPlan{.active = "a", .shadow = "s"}));
  EXPECT_EQ(twice->sequence, 9);
  EXPECT_THAT(AfterRollback(*twice),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(AfterDeleteTest, RollsBackPastWhatIsGone) {
  TrafficState state = State();
  state.activations = {"a", "x", "b"};
  EXPECT_THAT(AfterDelete(state, "x").activations, ElementsAre("a", "b"));
}

TEST(AfterTrafficRestartTest, KeepsWhatIsUsable) {
  const auto without = [](const std::string& gone) {
    return AfterRestart(State(), [gone](const std::string& id) {
      return !id.empty() && id != gone;
    });
  };
  EXPECT_EQ(without("").PlanOr(""), State().PlanOr(""));
  EXPECT_EQ(without("b").PlanOr("").active, "a");
  EXPECT_THAT(without("c").canary, IsEmpty());
  EXPECT_EQ(without("c").canary_share, 0.0);
  EXPECT_THAT(without("s").shadow, IsEmpty());
}

}  // namespace
}  // namespace attune::server
