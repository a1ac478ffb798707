// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/wire.h"

#include <string>

#include "attune/v1/prompt_service.pb.h"
#include "gtest/gtest.h"

namespace attune::server {
namespace {

// Bodies around the lengths at which a varint grows.
TEST(WireWriterTest, WritesWhatProtobufWrites) {
  for (const size_t size :
       {0, 1, 100, 126, 127, 128, 300, 16383, 16384, 70000}) {
    v1::Message message;
    message.set_role("user");
    v1::Segment* segment = message.add_segments();
    segment->set_kind(v1::SEGMENT_KIND_UNTRUSTED_DATA);
    segment->set_text(std::string(size, 'x'));
    std::string bytes;
    WireWriter writer(&bytes);
    const auto write_segment = [&] {
      writer.Number(1, 2);
      writer.String(2, "");
      writer.String(3, std::string(size, 'x'));
    };
    writer.String(1, "user");
    writer.Message(2, write_segment);
    EXPECT_EQ(bytes, message.SerializeAsString()) << size;
    bytes.clear();
    writer.String(1, "user");
    writer.LongMessage(2, write_segment);
    EXPECT_EQ(bytes, message.SerializeAsString()) << size;
  }
}

TEST(WireWriterTest, LeavesOutDefaultsButNotElements) {
  std::string bytes;
  WireWriter writer(&bytes);
  writer.Number(1, 0);
  writer.Float(2, 0.0F);
  writer.String(3, "");
  EXPECT_EQ(bytes, "");
  writer.Element(4, "");
  writer.NumberAlways(5, 0);
  EXPECT_EQ(bytes, std::string("\x22\x00\x28\x00", 4));
}

TEST(WireReaderTest, ReadsEveryType) {
  v1::GetPromptRequest request;
  request.set_user_id("u");
  request.set_seed(~uint64_t{0});
  v1::Item* item = request.add_history();
  item->set_weight(-2.5F);
  const std::string bytes = request.SerializeAsString();
  WireReader reader(bytes);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(), 1);
  WireReader inner(reader.bytes());
  ASSERT_TRUE(inner.Next());
  EXPECT_EQ(inner.as_float(), -2.5F);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.bytes(), "u");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.value(), ~uint64_t{0});
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.good());
}

TEST(WireReaderTest, RefusesWhatIsNoMessage) {
  for (const std::string& bytes :
       {std::string("\x08"), std::string("\x0A\x05xx"), std::string("\x0B"),
        std::string("\x0C"), std::string("\x0F"), std::string(1, '\0'),
        std::string("\x0D\x01\x02"), std::string(11, '\xFF'),
        std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01")}) {
    WireReader reader(bytes);
    while (reader.Next()) {
    }
    EXPECT_FALSE(reader.good()) << testing::PrintToString(bytes);
  }
}

}  // namespace
}  // namespace attune::server
