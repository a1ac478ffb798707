// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "server/decision_token.h"
#include "tests/server/tagged_catalog.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

constexpr int kUsers = 100000;

std::shared_ptr<const policy::Revision> AnyRevision() {
  static const auto revision = policy::Revision::Uniform(
      *policy::Catalog::Parse(TaggedCatalogYaml("any")),
      policy::Readout::kLabels);
  return revision;
}

TrafficSnapshot Split(double share, const std::string& canary = "canary") {
  return {.active = AnyRevision(),
          .canary = AnyRevision(),
          .canary_share = share,
          .salt = SplitSalt(canary)};
}

TokenSigner Signer() {
  return *TokenSigner::Create({.key = std::string(32, 'k')});
}

std::string UserName(int i) { return "user-" + std::to_string(i); }

TEST(RouteTest, SendsEveryoneToTheActiveRevisionWithoutATrial) {
  const TokenSigner signer = Signer();
  const TrafficSnapshot traffic = {.active = AnyRevision()};
  EXPECT_EQ(Route(traffic, signer.Pseudonym("u"), {}), TrafficRole::kActive);
}

// Two signers with the same key are two replicas.
TEST(RouteTest, IsTheSameForAUserOnEveryReplica) {
  const TokenSigner one = Signer();
  const TokenSigner two = Signer();
  for (int i = 0; i < 1000; ++i) {
    DecisionId id = {};
    id[0] = static_cast<uint8_t>(i);
    EXPECT_EQ(Route(Split(0.3), one.Pseudonym(UserName(i)), {}),
              Route(Split(0.3), two.Pseudonym(UserName(i)), id));
  }
}

TEST(RouteTest, ServesTheShareOfUsersToTheCanary) {
  const TokenSigner signer = Signer();
  for (const double share : {0.0, 0.001, 0.01, 0.05, 0.5, 0.99, 1.0}) {
    int canary = 0;
    for (int i = 0; i < kUsers; ++i) {
      canary += Route(Split(share), signer.Pseudonym(UserName(i)), {}) ==
                TrafficRole::kCanary;
    }
    // Four standard deviations.
    EXPECT_NEAR(canary, share * kUsers,
                4.0 * std::sqrt(share * (1.0 - share) * kUsers))
        << share;
  }
}

TEST(RouteTest, ALargerShareOnlyAddsUsers) {
  const TokenSigner signer = Signer();
  for (int i = 0; i < 10000; ++i) {
    const auto user = signer.Pseudonym(UserName(i));
    if (Route(Split(0.1), user, {}) == TrafficRole::kCanary) {
      EXPECT_EQ(Route(Split(0.11), user, {}), TrafficRole::kCanary);
    }
  }
}

TEST(RouteTest, EachCanaryGetsOtherUsers) {
  const TokenSigner signer = Signer();
  int both = 0;
  for (int i = 0; i < kUsers; ++i) {
    const auto user = signer.Pseudonym(UserName(i));
    both += Route(Split(0.1, "one"), user, {}) == TrafficRole::kCanary &&
            Route(Split(0.1, "two"), user, {}) == TrafficRole::kCanary;
  }
  EXPECT_NEAR(both, 0.01 * kUsers, 4.0 * std::sqrt(0.01 * kUsers));
}

TEST(RouteTest, SplitsRequestsWithoutAUserByTheirDecision) {
  int canary = 0;
  DecisionId id = {};
  for (int i = 0; i < 65536; ++i) {
    id[0] = static_cast<uint8_t>(i);
    id[1] = static_cast<uint8_t>(i >> 8);
    canary += Route(Split(0.2), {}, id) == TrafficRole::kCanary;
  }
  EXPECT_NEAR(canary, 0.2 * 65536, 4.0 * std::sqrt(0.16 * 65536));
}

}  // namespace
}  // namespace attune::server
