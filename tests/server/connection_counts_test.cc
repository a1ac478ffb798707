// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/connection_counts.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace attune::server {
namespace {

using Verdict = ConnectionCounts::Verdict;

AddressKey V4(const char* text) {
  sockaddr_storage address = {};
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  v4.sin_family = AF_INET;
  EXPECT_EQ(::inet_pton(AF_INET, text, &v4.sin_addr), 1);
  return KeyOf(address);
}

AddressKey V6(const char* text) {
  sockaddr_storage address = {};
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  v6.sin6_family = AF_INET6;
  EXPECT_EQ(::inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
  return KeyOf(address);
}

TEST(ConnectionCountsTest, CountsByAddressAndByNetwork) {
  EXPECT_NE(V4("192.0.2.1"), V4("192.0.2.2"));
  EXPECT_EQ(V4("192.0.2.1"), V6("::ffff:192.0.2.1"));
  EXPECT_NE(V6("::ffff:192.0.2.1"), V6("::ffff:192.0.2.2"));
  EXPECT_EQ(V6("2001:db8:0:1::1"), V6("2001:db8:0:1:ffff::2"));
  EXPECT_NE(V6("2001:db8:0:1::1"), V6("2001:db8:0:2::1"));
}

TEST(ConnectionCountsTest, AdmitsUpToBothLimits) {
  ConnectionCounts counts(3, 2);
  const AddressKey a = V4("192.0.2.1");
  const AddressKey b = V4("192.0.2.2");
  EXPECT_EQ(counts.Enter(a), Verdict::kAdmitted);
  EXPECT_EQ(counts.Enter(a), Verdict::kAdmitted);
  EXPECT_EQ(counts.Enter(a), Verdict::kTooManyOfAddress);
  EXPECT_EQ(counts.Enter(b), Verdict::kAdmitted);
  EXPECT_EQ(counts.Enter(b), Verdict::kTooMany);
  EXPECT_EQ(counts.open(), 3);
  counts.Leave(a);
  EXPECT_EQ(counts.Enter(b), Verdict::kAdmitted);
  counts.Leave(a);
  EXPECT_EQ(counts.Enter(a), Verdict::kAdmitted);
}

TEST(ConnectionCountsTest, ZeroIsNoLimitOfAnAddress) {
  ConnectionCounts counts(1000, 0);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(counts.Enter(V4("192.0.2.1")), Verdict::kAdmitted);
  }
  EXPECT_EQ(counts.Enter(V4("192.0.2.1")), Verdict::kTooMany);
}

}  // namespace
}  // namespace attune::server
