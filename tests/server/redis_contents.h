// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_REDIS_CONTENTS_H_
#define ATTUNE_TESTS_SERVER_REDIS_CONTENTS_H_

// What servers put into Redis, as whoever reads it sees it.

#include <string>
#include <utility>
#include <vector>

#include "attune/v1/decision_log.pb.h"
#include "gtest/gtest.h"
#include "server/shared_records.h"
#include "tests/testing/redis_process.h"

namespace attune::server {

// Every record of the stream, in its order.
inline std::vector<v1::LoggedDecision> StreamOf(
    attune::testing::RedisProcess& redis) {
  std::vector<v1::LoggedDecision> records;
  std::string from = "-";
  while (true) {
    auto page =
        redis.Run({"XRANGE", "attune:feedback", from, "+", "COUNT", "1000"})
            .TakeList();
    if (!page.ok() || page->empty()) return records;
    for (redis::Reply& entry : *page) {
      auto parts = entry.TakeList().value();
      from = "(" + parts[0].TakeString().value();
      auto fields = parts[1].TakeList().value();
      EXPECT_EQ(fields.size(), 4u);
      v1::LoggedDecision record;
      EXPECT_TRUE(record.ParseFromString(fields[3].TakeString().value()));
      EXPECT_EQ(record.decision_id(), fields[1].TakeString().value());
      records.push_back(std::move(record));
    }
  }
}

// 0 if there is no traffic.
inline int64_t SequenceIn(attune::testing::RedisProcess& redis) {
  auto reply = redis.Run({"GET", "attune:traffic"});
  if (reply.is_nil()) return 0;
  const auto traffic = ParseTraffic(reply.TakeString().value());
  return traffic.ok() ? traffic->state.sequence : -1;
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_REDIS_CONTENTS_H_
