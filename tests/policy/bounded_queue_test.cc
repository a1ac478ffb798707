// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace attune::policy {
namespace {

TEST(BoundedQueueTest, GivesValuesInTheirOrder) {
  BoundedQueue<std::string> queue(4);
  std::string value;
  EXPECT_FALSE(queue.TryPop(&value));
  for (int round = 0; round < 5; ++round) {
    EXPECT_TRUE(queue.TryPush("a"));
    EXPECT_TRUE(queue.TryPush("b"));
    EXPECT_TRUE(queue.TryPop(&value));
    EXPECT_EQ(value, "a");
    EXPECT_TRUE(queue.TryPop(&value));
    EXPECT_EQ(value, "b");
  }
  EXPECT_FALSE(queue.TryPop(&value));
}

TEST(BoundedQueueTest, RefusesAtItsCapacityAndKeepsTheValue) {
  BoundedQueue<std::string> queue(3);
  EXPECT_EQ(queue.capacity(), 4U);
  for (size_t i = 0; i < queue.capacity(); ++i) {
    EXPECT_TRUE(queue.TryPush("x"));
  }
  EXPECT_EQ(queue.ApproximateSize(), 4U);
  std::string value = "kept";
  EXPECT_FALSE(queue.TryPush(std::move(value)));
  EXPECT_EQ(value, "kept");
  EXPECT_TRUE(queue.TryPop(&value));
  EXPECT_TRUE(queue.TryPush("y"));
}

// Like std::string: what is moved from gets what the other had.
struct Swapping {
  Swapping() = default;
  explicit Swapping(std::shared_ptr<int> given) : owned(std::move(given)) {}
  Swapping(Swapping&& other) noexcept = default;
  Swapping& operator=(Swapping&& other) noexcept {
    owned.swap(other.owned);
    return *this;
  }
  std::shared_ptr<int> owned;
};

TEST(BoundedQueueTest, AnEmptyCellHoldsNothing) {
  BoundedQueue<Swapping> queue(4);
  const auto first = std::make_shared<int>(1);
  Swapping value;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(queue.TryPush(Swapping(i == 0 ? first : nullptr)));
    ASSERT_TRUE(queue.TryPop(&value));
  }
  EXPECT_EQ(first.use_count(), 1);
}

// Each value says its producer and its turn. None may be lost or doubled, and
// each producer's must come in turn.
TEST(BoundedQueueTest, LosesAndDoublesNothingBetweenThreads) {
  constexpr int kProducers = 3;
  constexpr int kTurns = 20000;
  BoundedQueue<int> queue(64);
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&queue, p] {
      for (int turn = 0; turn < kTurns; ++turn) {
        while (!queue.TryPush(p * kTurns + turn)) std::this_thread::yield();
      }
    });
  }
  std::vector<int> next(kProducers, 0);
  for (int taken = 0; taken < kProducers * kTurns;) {
    int value = 0;
    if (!queue.TryPop(&value)) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(value % kTurns, next[value / kTurns]++);
    ++taken;
  }
  for (std::thread& producer : producers) producer.join();
}

}  // namespace
}  // namespace attune::policy
