// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/caller_quota.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "server/error_reason.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;

constexpr uint64_t kSeed = 1;
using Lease = CallerQuota::Lease;

TEST(CallerQuotaTest, RefusesOneCallerAndAdmitsAnother) {
  CallerQuota quota(2, kSeed);
  auto first = quota.Enter("a", 1);
  ASSERT_THAT(first, IsOk());
  const auto second = quota.Enter("a", 1);
  ASSERT_THAT(second, IsOk());
  const auto third = quota.Enter("a", 1);
  EXPECT_THAT(third.status(),
              StatusIs(absl::StatusCode::kResourceExhausted, ::testing::_));
  EXPECT_EQ(ReasonOf(third.status()), "CALLER_OVER_QUOTA");
  EXPECT_THAT(quota.Enter("b", 2), IsOk());
  *first = Lease();
  EXPECT_THAT(quota.Enter("a", 1), IsOk());
}

TEST(CallerQuotaTest, AdmitsABatchWholeOrAlone) {
  CallerQuota quota(4, kSeed);
  {
    const auto large = quota.Enter("a", 64);
    ASSERT_THAT(large, IsOk());
    EXPECT_FALSE(quota.Enter("a", 1).ok());
  }
  const auto three = quota.Enter("a", 3);
  ASSERT_THAT(three, IsOk());
  EXPECT_FALSE(quota.Enter("a", 2).ok());
  EXPECT_THAT(quota.Enter("a", 1), IsOk());
}

TEST(CallerQuotaTest, WithoutALimitEverybodyIsAdmitted) {
  CallerQuota quota(0, kSeed);
  EXPECT_FALSE(quota.limited());
  std::vector<Lease> leases;
  for (int i = 0; i < 1000; ++i) {
    auto lease = quota.Enter("a", 1000);
    ASSERT_THAT(lease, IsOk());
    leases.push_back(*std::move(lease));
  }
}

// More callers than there is room for, all with a call under way: those that do
// not fit are admitted; afterwards nobody is remembered.
TEST(CallerQuotaTest, RemembersNoMoreThanFit) {
  CallerQuota quota(1, kSeed);
  constexpr int kMany = 2 * CallerQuota::kCallers;
  {
    std::vector<Lease> leases;
    for (int i = 0; i < kMany; ++i) {
      auto lease = quota.Enter(std::to_string(i), 1);
      ASSERT_THAT(lease, IsOk());
      leases.push_back(*std::move(lease));
    }
  }
  for (int i = 0; i < 1000; ++i) {
    const std::string caller = "again" + std::to_string(i);
    const auto lease = quota.Enter(caller, 1);
    ASSERT_THAT(lease, IsOk());
    EXPECT_FALSE(quota.Enter(caller, 1).ok()) << caller;
  }
}

TEST(CallerQuotaTest, CountsAcrossThreads) {
  constexpr int kLimit = 4;
  constexpr int kThreads = 8;
  CallerQuota quota(kLimit, kSeed);
  std::atomic<int> under_way = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20000; ++i) {
        const auto lease = quota.Enter("a", 1);
        if (!lease.ok()) continue;
        const int now = ++under_way;
        int seen = most;
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        --under_way;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, kLimit);
  EXPECT_GE(most, 1);
  // Nothing is left behind.
  EXPECT_THAT(quota.Enter("a", kLimit), IsOk());
}

}  // namespace
}  // namespace attune::server
