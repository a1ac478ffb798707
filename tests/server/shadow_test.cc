// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/shadow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "tests/server/log_builders.h"
#include "tests/server/samples.h"
#include "tests/server/temp_dir.h"

namespace attune::server {
namespace {

// A shadow that stops in its first decision until it is let go.
class ShadowTest : public ::testing::Test {
 protected:
  // Returns when the shadow works on its first request.
  std::unique_ptr<ShadowRunner> Start(ShadowRunner::Options options) {
    options.log = log_.get();
    options.random = [this](absl::Span<uint8_t> bytes) {
      if (!held_) {
        held_ = true;
        working_.set_value();
        go_on_.get_future().wait();
      }
      bytes[0] = 1;
    };
    auto shadow = std::make_unique<ShadowRunner>(std::move(options));
    shadow->Offer(Served());
    working_.get_future().wait();
    return shadow;
  }
  static ServedRequest Served() {
    return {.shadow = LogRevision(),
            .request = SampleRequest().SerializeAsString(),
            .time = kLogNow};
  }

  const TempDir dir_;
  const std::unique_ptr<DecisionLog> log_ =
      DecisionLog::Open({.store = {.path = dir_.path() + "/log.db"},
                         .clock = [] { return kLogNow; }})
          .value();
  std::promise<void> working_;
  std::promise<void> go_on_;
  bool held_ = false;  // the shadow's thread's
};

TEST_F(ShadowTest, DropsAndCountsWhatIsTooMany) {
  auto shadow = Start({.queue_capacity = 3});
  for (int i = 0; i < 10; ++i) shadow->Offer(Served());
  EXPECT_EQ(shadow->stats().dropped, 7);
  go_on_.set_value();
}

TEST_F(ShadowTest, DropsAndCountsWhatIsTooManyBytes) {
  const size_t size = Served().request.size();
  auto shadow = Start({.queue_bytes = 3 * size + size / 2});
  for (int i = 0; i < 10; ++i) shadow->Offer(Served());
  EXPECT_EQ(shadow->stats().dropped, 7);
  go_on_.set_value();
  // What was taken gave its bytes back.
  while (shadow->stats().decided < 4) std::this_thread::yield();
  shadow->Offer(Served());
  EXPECT_EQ(shadow->stats().dropped, 7);
}

}  // namespace
}  // namespace attune::server
