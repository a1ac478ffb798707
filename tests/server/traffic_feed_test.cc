// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/traffic_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::ElementsAre;

class Recorder : public TrafficFeed::Subscriber {
 public:
  void OnUpdate(const TrafficUpdate& update) override {
    sequences.push_back(update.sequence);
    last = update;
  }
  void OnClose() override { ++closes; }

  std::vector<int64_t> sequences;
  TrafficUpdate last;
  int closes = 0;
};

TrafficUpdate Update(int64_t sequence) {
  return {.plan = {.active = "a"},
          .sequence = sequence,
          .action = "rollback",
          .note = {.who = "me", .reason = "why"}};
}

TEST(TrafficFeedTest, TellsTheTrafficFirstAndThenTheChanges) {
  TrafficFeed feed;
  feed.Publish(Update(1));
  Recorder recorder;
  ASSERT_THAT(feed.Subscribe(&recorder), IsOk());
  EXPECT_EQ(recorder.last.action, "");
  EXPECT_EQ(recorder.last.note.who, "");
  feed.Publish(Update(2));
  EXPECT_EQ(recorder.last.action, "rollback");
  feed.Unsubscribe(&recorder);
  feed.Publish(Update(3));
  EXPECT_THAT(recorder.sequences, ElementsAre(1, 2));
}

TEST(TrafficFeedTest, EndsEverySubscriptionOnce) {
  TrafficFeed feed;
  Recorder recorder;
  ASSERT_THAT(feed.Subscribe(&recorder), IsOk());
  feed.Close();
  feed.Close();
  feed.Unsubscribe(&recorder);
  EXPECT_EQ(recorder.closes, 1);
  EXPECT_THAT(feed.Subscribe(&recorder),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST(TrafficFeedTest, HasALimitOfSubscribers) {
  TrafficFeed feed(1);
  Recorder one;
  Recorder two;
  ASSERT_THAT(feed.Subscribe(&one), IsOk());
  EXPECT_THAT(feed.Subscribe(&two),
              StatusIs(absl::StatusCode::kResourceExhausted));
  feed.Unsubscribe(&one);
  EXPECT_THAT(feed.Subscribe(&two), IsOk());
}

TEST(UpdateQueueTest, LeavesOutTheOldestAndSaysHowMany) {
  UpdateQueue queue(2);
  for (int i = 1; i <= 5; ++i) queue.Push(Update(i));
  TrafficUpdate update;
  ASSERT_TRUE(queue.Pop(&update));
  EXPECT_EQ(update.sequence, 4);
  EXPECT_EQ(update.missed, 3);
  ASSERT_TRUE(queue.Pop(&update));
  EXPECT_EQ(update.sequence, 5);
  EXPECT_EQ(update.missed, 0);
  EXPECT_FALSE(queue.Pop(&update));
}

}  // namespace
}  // namespace attune::server
