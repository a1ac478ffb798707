// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/listening_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "tests/server/raw_connection.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

constexpr absl::Duration kTimeout = absl::Seconds(10);

int FamilyOf(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return address.ss_family;
}

TEST(ListeningSocketTest, TakesAFreePortAndKeepsItForItself) {
  const auto sockets = ListenOn("127.0.0.1:0", kTimeout);
  ASSERT_THAT(sockets, IsOk());
  EXPECT_GT(sockets->port, 0);
  EXPECT_EQ(sockets->fds.size(), 1U);
  EXPECT_THAT(
      ListenOn("127.0.0.1:" + std::to_string(sockets->port), kTimeout).status(),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("in use")));
}

TEST(ListeningSocketTest, AcceptedConnectionsHaveItsOptions) {
  const auto sockets = ListenOn("127.0.0.1:0", kTimeout);
  ASSERT_THAT(sockets, IsOk());
  const RawConnection peer(sockets->port);
  const UniqueFd connection(
      ::accept4(sockets->fds[0].get(), nullptr, nullptr, 0));
  int value = 0;
  socklen_t size = sizeof(value);
  ::getsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &value, &size);
  EXPECT_EQ(value, 1);
  ::getsockopt(connection.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &size);
  EXPECT_EQ(value, 10000);
}

// Both ways to write it, as with gRPC's own listener.
TEST(ListeningSocketTest, AWildcardIsOneSocketForBothFamilies) {
  for (const char* address : {"0.0.0.0:0", "[::]:0"}) {
    const auto sockets = ListenOn(address, kTimeout);
    ASSERT_THAT(sockets, IsOk()) << address;
    ASSERT_EQ(sockets->fds.size(), 1U) << address;
    // Over IPv4, whichever family the socket has.
    const RawConnection peer(sockets->port);
    if (FamilyOf(sockets->fds[0].get()) != AF_INET6) {
      GTEST_SKIP() << "no IPv6 here";
    }
  }
}

TEST(ListeningSocketTest, ANameIsAllItsAddressesAtOnePort) {
  const auto sockets = ListenOn("localhost:0", kTimeout);
  ASSERT_THAT(sockets, IsOk());
  EXPECT_GT(sockets->port, 0);
  const RawConnection peer(sockets->port);
}

TEST(ListeningSocketTest, RefusesWhatIsNoAddress) {
  for (const char* address :
       {"", "localhost", ":80", "localhost:", "localhost:http",
        "localhost:65536", "localhost:-1", "::1:80"}) {
    EXPECT_THAT(ListenOn(address, kTimeout).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must")))
        << address;
  }
}

}  // namespace
}  // namespace attune::server
