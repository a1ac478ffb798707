// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace attune::server {
namespace {

TEST(WorkerTest, RunsTasksInOrderAndAllOfThemBeforeItEnds) {
  std::vector<int> ran;
  {
    Worker worker;
    for (int i = 0; i < 100; ++i) {
      worker.Post([&ran, i] { ran.push_back(i); });
    }
  }
  ASSERT_EQ(ran.size(), 100u);
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

TEST(WorkerTest, ATaskMayPostAnother) {
  bool ran = false;
  {
    Worker worker;
    worker.Post([&] { worker.Post([&] { ran = true; }); });
  }
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace attune::server
