// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/acceptor.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "tests/server/raw_connection.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;

// An acceptor, and whoever it hands connections over to.
class AcceptorTest : public ::testing::Test {
 protected:
  void Start(int max_connections, int max_connections_per_address = 0) {
    auto sockets = ListenOn("127.0.0.1:0", absl::Seconds(10));
    ASSERT_THAT(sockets, IsOk());
    port_ = sockets->port;
    auto acceptor = Acceptor::Start(
        *std::move(sockets),
        {"test_listen", max_connections, max_connections_per_address,
         [this](int, int connection) {
           std::lock_guard<std::mutex> lock(mutex_);
           taken_.emplace_back(connection);
           changed_.notify_all();
         },
         &stats_});
    ASSERT_THAT(acceptor, IsOk());
    acceptor_ = *std::move(acceptor);
  }

  // The next connection that was handed over.
  UniqueFd Take() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return !taken_.empty(); });
    UniqueFd connection = std::move(taken_.front());
    taken_.pop_front();
    return connection;
  }
  // As gRPC ends a connection.
  static void End(UniqueFd connection) {
    ::shutdown(connection.get(), SHUT_RDWR);
  }
  void AwaitOpen(int open) const {
    while (stats_.open != open) std::this_thread::yield();
  }

  ConnectionStats stats_;
  std::unique_ptr<Acceptor> acceptor_;
  int port_ = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<UniqueFd> taken_;  // guarded by mutex_
};

TEST_F(AcceptorTest, HandsOverAndSeesTheEnd) {
  Start(10);
  RawConnection peer(port_);
  UniqueFd connection = Take();
  EXPECT_EQ(stats_.open, 1);
  EXPECT_EQ(::send(connection.get(), "x", 1, 0), 1);
  End(std::move(connection));
  // Though the acceptor still has a descriptor of it.
  peer.AwaitEnd();
  AwaitOpen(0);
  EXPECT_EQ(stats_.accepted, 1);
}

TEST_F(AcceptorTest, APeerThatEndsItsHalfIsStillConnected) {
  Start(1);
  std::optional<RawConnection> peer(port_);
  UniqueFd connection = Take();
  peer.reset();
  // Its end has arrived.
  char byte = 0;
  while (::recv(connection.get(), &byte, 1, 0) != 0) std::this_thread::yield();
  RawConnection second(port_);
  second.AwaitEnd();
  EXPECT_EQ(stats_.refused_total, 1);
  EXPECT_EQ(stats_.open, 1);
  End(std::move(connection));
  AwaitOpen(0);
}

TEST_F(AcceptorTest, RefusesAboveTheLimitsAndAdmitsAgain) {
  Start(3, 2);
  RawConnection first(port_, 2);
  RawConnection second(port_, 2);
  UniqueFd one = Take();
  UniqueFd two = Take();
  RawConnection third(port_, 2);
  third.AwaitEnd();
  EXPECT_EQ(stats_.refused_address, 1);
  RawConnection other(port_, 3);
  UniqueFd three = Take();
  RawConnection another(port_, 4);
  another.AwaitEnd();
  EXPECT_EQ(stats_.refused_total, 1);
  End(std::move(one));
  AwaitOpen(2);
  RawConnection again(port_, 2);
  EXPECT_TRUE(Take().valid());
  EXPECT_EQ(stats_.accepted, 4);
}

// The first connection's other descriptor is open when the second connection is
// watched by the same number.
TEST_F(AcceptorTest, TakesNoConnectionForAnother) {
  Start(10);
  // Numbers for the second connection's two ends, so that it is watched by the
  // number that was the first one's.
  UniqueFd numbers[] = {UniqueFd(::dup(0)), UniqueFd(::dup(0))};
  std::optional<RawConnection> first(port_);
  UniqueFd one = Take();
  ::shutdown(one.get(), SHUT_RDWR);
  AwaitOpen(0);
  for (UniqueFd& number : numbers) number.Reset(-1);
  RawConnection second(port_);
  UniqueFd two = Take();
  // Events of the first: its peer's end, its own.
  first.reset();
  one.Reset(-1);
  // Whatever came of that has been seen before a third one is.
  RawConnection third(port_);
  UniqueFd three = Take();
  EXPECT_EQ(stats_.open, 2);
}

TEST_F(AcceptorTest, LeavesConnectionsAloneWhenItStops) {
  Start(10);
  RawConnection peer(port_);
  UniqueFd connection = Take();
  acceptor_.reset();
  EXPECT_EQ(::send(connection.get(), "\0\0\0\4\0\0\0\0\0", 9, 0), 9);
  EXPECT_TRUE(peer.Receive().has_value());
}

}  // namespace
}  // namespace attune::server
