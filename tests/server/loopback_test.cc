// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/loopback.h"

#include <gtest/gtest.h>

namespace attune::server {
namespace {

TEST(LoopbackTest, KnowsThisMachine) {
  for (const char* name :
       {"localhost", "LocalHost:80", "127.0.0.1", "127.1.2.3:9465", "[::1]",
        "[::1]:9465", "127.0.0.1:0"}) {
    EXPECT_TRUE(IsLoopback(name)) << name;
  }
}

TEST(LoopbackTest, TakesNothingElseForIt) {
  for (const char* name :
       {"", ":80", "0.0.0.0", "[::]", "10.0.0.1:80", "localhost.example",
        "127.0.0.1.example", "127.0.0.1@evil.example", "evil.example#localhost",
        "localhost:80:80", "localhost:x", "localhost:", "[::1]x", "::1",
        "127.1", "0x7f.0.0.1", "2130706433", " localhost",
        "[::ffff:1.2.3.4]"}) {
    EXPECT_FALSE(IsLoopback(name)) << name;
  }
}

}  // namespace
}  // namespace attune::server
