// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/prompt_request.h"

#include <cmath>
#include <string>

#include "gtest/gtest.h"
#include "policy/item_proto.h"
#include "tests/server/samples.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

void ExpectSameItems(absl::Span<const policy::Item> got,
                     const google::protobuf::RepeatedPtrField<v1::Item>& want) {
  ASSERT_EQ(static_cast<int>(got.size()), want.size());
  const auto items = policy::ItemsFromProto(want);
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].id, items[i].id);
    EXPECT_EQ(got[i].title, items[i].title);
    EXPECT_EQ(got[i].genres, items[i].genres);
    EXPECT_EQ(std::isnan(got[i].weight), std::isnan(items[i].weight));
    if (!std::isnan(got[i].weight)) {
      EXPECT_EQ(got[i].weight, items[i].weight);
    }
    EXPECT_EQ(got[i].interact_seconds, items[i].interact_seconds);
  }
}

// Reads `wire` into a request that held another one, and compares with what
// Protobuf reads.
void ExpectAsProtobuf(const std::string& wire) {
  PromptRequest request;
  auto other = SampleRequest(30, 26);
  for (v1::Item& item : *other.mutable_history()) item.add_genres("Old");
  other.set_user_id("other");
  other.set_seed(1);
  for (const char* pattern : {"a", "b", "c"}) {
    other.add_own_choice()->set_pattern(pattern);
  }
  ASSERT_TRUE(ReadPromptRequest(other.SerializeAsString(), &request).ok());
  v1::GetPromptRequest proto;
  const bool parsed = proto.ParseFromString(wire);
  const absl::Status status = ReadPromptRequest(wire, &request);
  ASSERT_EQ(status.ok(), parsed) << status;
  if (!parsed) return;
  ExpectSameItems(request.history.items(), proto.history());
  ExpectSameItems(request.candidates.items(), proto.candidates());
  EXPECT_EQ(request.user_id, proto.user_id());
  EXPECT_EQ(request.policy, proto.policy());
  EXPECT_EQ(request.revision, proto.revision());
  EXPECT_EQ(request.mode, proto.mode());
  EXPECT_EQ(request.readout, proto.readout());
  EXPECT_EQ(request.previous.has_value(), proto.has_previous());
  ASSERT_EQ(request.own_choice.size(), proto.own_choice_size());
  for (int i = 0; i < proto.own_choice_size(); ++i) {
    EXPECT_EQ(request.own_choice[i].SerializeAsString(),
              proto.own_choice(i).SerializeAsString());
  }
  EXPECT_EQ(request.seed.has_value(), proto.has_seed());
  EXPECT_EQ(request.seed.value_or(0), proto.seed());
  EXPECT_EQ(request.wire, wire);
}

v1::GetPromptRequest FullRequest() {
  auto request = SampleRequest(3, 4);
  v1::Item& item = *request.mutable_history(0);
  item.add_genres("Drama");
  item.add_genres("");
  item.set_weight(2.5F);
  item.mutable_interact_time()->set_seconds(-5);
  item.mutable_interact_time()->set_nanos(7);
  request.set_user_id("Zo\xC3\xAB");
  request.set_policy("p");
  request.set_revision("r");
  request.set_mode(v1::DECISION_MODE_GREEDY);
  request.set_readout(v1::READOUT_LABELS);
  request.set_seed(0);
  request.add_own_choice()->set_pattern("hint");
  request.mutable_own_choice(0)->set_option_id("none");
  request.add_own_choice()->set_option_id("Zo\xC3\xAB");
  return request;
}

TEST(PromptRequestTest, ReadsWhatProtobufReads) {
  ExpectAsProtobuf("");
  ExpectAsProtobuf(SampleRequest().SerializeAsString());
  ExpectAsProtobuf(FullRequest().SerializeAsString());
}

TEST(PromptRequestTest, LeavesTheUnusualToProtobuf) {
  auto request = FullRequest();
  const std::string plain = request.SerializeAsString();
  request.mutable_previous()->set_decision_token("t");
  ExpectAsProtobuf(request.SerializeAsString());
  // An unknown field; an enum's value that is none; a scalar that comes twice;
  // an item whose time comes in two parts.
  ExpectAsProtobuf(plain + std::string("\xF8\x3F\x01", 3));
  ExpectAsProtobuf(
      plain + std::string("\x38\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11));
  ExpectAsProtobuf(plain + std::string("\x1A\x01z\x1A\x01y", 6));
  ExpectAsProtobuf(plain +
                   std::string("\x0A\x08\x2A\x02\x08\x01\x2A\x02\x10\x02", 10));
}

// Every prefix, and every byte of a small request replaced.
TEST(PromptRequestTest, AgreesWithProtobufOnDamagedBytes) {
  auto request = FullRequest();
  request.mutable_history()->DeleteSubrange(1, 2);
  request.mutable_candidates()->DeleteSubrange(1, 3);
  const std::string wire = request.SerializeAsString();
  for (size_t i = 0; i < wire.size(); ++i) {
    ExpectAsProtobuf(wire.substr(0, i));
    for (const int flip : {0x01, 0x04, 0x08, 0x80, 0xFF}) {
      std::string damaged = wire;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      ExpectAsProtobuf(damaged);
    }
  }
}

// Protobuf reads five bytes of a tag or a length, whatever they say.
TEST(PromptRequestTest, AgreesWithProtobufOnLongTagsAndLengths) {
  ExpectAsProtobuf(std::string("\x1A\x81\x80\x80\x80\x00z", 7));
  ExpectAsProtobuf(std::string("\x1A\x81\x80\x80\x80\x80\x00z", 8));
  ExpectAsProtobuf(std::string("\x9A\x80\x80\x80\x00\x01z", 7));
  ExpectAsProtobuf(std::string("\x9A\x80\x80\x80\x80\x00\x01z", 8));
}

// `count` fields of two bytes each.
std::string Empty(char tag, int count) {
  std::string wire;
  for (int i = 0; i < count; ++i) wire.append({tag, 0});
  return wire;
}

TEST(PromptRequestTest, RefusesWhatWouldTakeMuchMemory) {
  const auto refusal = [](const std::string& wire) {
    PromptRequest request;
    const absl::Status status = ReadPromptRequest(wire, &request);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_LT(request.history.size(), 2000u);
    return std::string(status.message());
  };
  constexpr int kMany = 1 << 20;
  EXPECT_EQ(refusal(Empty('\x0A', kMany)),
            "history: 1048576 items, at most 1000");
  EXPECT_EQ(refusal(Empty('\x12', 27)), "candidates: 27 items, at most 26");
  auto request = SampleRequest();
  request.mutable_history(1)->clear_genres();
  for (int i = 0; i < 17; ++i) request.mutable_history(1)->add_genres("g");
  EXPECT_EQ(refusal(request.SerializeAsString()),
            "genres: 17 items, at most 16");
  request = SampleRequest();
  for (int i = 0; i < 27; ++i) {
    request.mutable_previous()->add_ranked_item_ids("");
  }
  EXPECT_EQ(refusal(request.SerializeAsString()),
            "previous.ranked_item_ids: 27 items, at most 26");
  request = SampleRequest();
  for (int i = 0; i < 257; ++i) request.add_own_choice();
  EXPECT_EQ(refusal(request.SerializeAsString()),
            "own_choice: 257 items, at most 256");
}

TEST(PromptRequestTest, KeepsNothingOfALargeRequest) {
  PromptRequest request;
  auto large = SampleRequest();
  large.mutable_history(0)->set_title(std::string(1 << 20, 't'));
  large.set_user_id(std::string(1 << 20, 'u'));
  ASSERT_TRUE(ReadPromptRequest(large.SerializeAsString(), &request).ok());
  const std::string small = SampleRequest().SerializeAsString();
  ASSERT_TRUE(ReadPromptRequest(small, &request).ok());
  EXPECT_LT(request.history.items()[0].title.capacity(), 1u << 16);
  EXPECT_LT(request.user_id.capacity(), 1u << 16);
}

TEST(PromptRequestTest, NamesTheFieldThatIsNotUtf8) {
  auto request = SampleRequest();
  std::string wire =
      request.SerializeAsString() + std::string("\x1A\x01\xFF", 3);
  PromptRequest read;
  const absl::Status status = ReadPromptRequest(wire, &read);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "user_id: must be valid UTF-8");
}

}  // namespace
}  // namespace attune::server
