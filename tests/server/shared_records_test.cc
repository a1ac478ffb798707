// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/shared_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using Code = absl::StatusCode;

SharedRevision Sample() {
  SharedRevision revision = {
      .id = "0123456789abcdef",
      .digest = "0123456789abcdef" + std::string(48, '0'),
      .byte_size = 3 * kChunkBytes + 1,
      .push_time = absl::FromUnixMillis(1764000000123)};
  revision.signature.emplace();
  revision.signature->set_number(7);
  revision.signature->set_signature(std::string("\0\xff", 2));
  return revision;
}

TEST(SharedRecordsTest, ARevisionComesBack) {
  const auto revision = ParseRevision(PrintRevision(Sample()));
  ASSERT_THAT(revision, IsOk());
  EXPECT_EQ(revision->id, Sample().id);
  EXPECT_EQ(revision->digest, Sample().digest);
  EXPECT_EQ(revision->byte_size, Sample().byte_size);
  EXPECT_EQ(revision->push_time, Sample().push_time);
  EXPECT_EQ(revision->signature->SerializeAsString(),
            Sample().signature->SerializeAsString());
  EXPECT_EQ(revision->chunks(), 4);
}

TEST(SharedRecordsTest, RefusesWhatIsNoRevision) {
  const std::string good = PrintRevision(Sample());
  const auto with = [&good](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  const std::string bad[] = {
      "",
      "[]",
      "null",
      good.substr(0, good.size() - 1),
      with("\"id\":\"0123456789abcdef\"", "\"id\":\"../../etc/passwd\""),
      with("\"id\":\"0", "\"id\":\"1"),
      with("\"digest\":\"0", "\"digest\":\"/"),
      with("\"digest\":\"0", "\"digest\":\"00"),
      with("\"byte_size\":", "\"byte_size\":-"),
      with("\"byte_size\":", "\"byte_size\":9999999999"),
      with("\"byte_size\"", "\"size\""),
      with("\"push_millis\":", "\"push_millis\":-"),
      with("\"signature\":\"", "\"signature\":\"x"),
      with("\"signature\":\"", "\"signature\":\"ff"),
      "{\"id\":" + std::string(2 << 20, '[')};
  for (const std::string& text : bad) {
    EXPECT_THAT(ParseRevision(text), StatusIs(Code::kDataLoss))
        << text.substr(0, 200);
  }
}

TEST(SharedRecordsTest, ATrafficComesBack) {
  const SharedTraffic traffic = {.state = {.activations = {"a", "b"},
                                           .canary = "c",
                                           .canary_share = 0.25,
                                           .shadow = "d",
                                           .sequence = 9,
                                           .trial = 8},
                                 .action = "set_traffic",
                                 .note = {.who = "ann", .reason = "because"},
                                 .replica = "one"};
  const auto again = ParseTraffic(PrintTraffic(traffic));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->state, traffic.state);
  EXPECT_EQ(again->action, "set_traffic");
  EXPECT_EQ(again->note.who, "ann");
  EXPECT_EQ(again->note.reason, "because");
  EXPECT_EQ(again->replica, "one");
}

TEST(SharedRecordsTest, RefusesWhatIsNoTraffic) {
  for (const char* text :
       {"", "{}", "{\"sequence\":1}", "{\"sequence\":1,\"state\":[]}",
        "{\"sequence\":2,\"state\":{\"format\":1,\"activations\":[],"
        "\"sequence\":1,\"trial\":1}}",
        "{\"sequence\":0,\"state\":{\"format\":1,\"activations\":[]}}",
        "{\"sequence\":1,\"state\":{\"format\":1,\"activations\":[1],"
        "\"sequence\":1}}",
        "{\"sequence\":1,\"state\":{\"format\":1,\"activations\":[],"
        "\"sequence\":1,\"canary\":\"a\",\"canary_share\":1.5}}"}) {
    EXPECT_THAT(ParseTraffic(text), StatusIs(Code::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace attune::server
