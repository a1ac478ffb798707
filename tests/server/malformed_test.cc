// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Malformed requests over the wire, to every RPC that the server has: noise,
// valid messages with one thing wrong, valid messages with broken bytes.
// ATTUNE_MALFORMED says how many (2,000), ATTUNE_SEED from which seed.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/server/raw_call.h"
#include "tests/server/resident_memory.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/environment.h"
#include "tests/testing/message_mutator.h"
#include "tests/testing/sanitized.h"

namespace attune::server {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using grpc::StatusCode;

constexpr int kSamples = 40;
// Of few calls, much is caches that fill.
constexpr int kManyCalls = 50000;
constexpr int64_t kMaxGrowth = 8 << 20;
constexpr int64_t kMaxGrowthOfFew = 32 << 20;

// An RPC with a request that is right: one or more messages.
struct Method {
  std::string path;
  bool on_control_port = false;
  // WatchRevisions, which goes on for ever, is left after the first.
  int max_answers = 0;
  std::vector<std::unique_ptr<Message>> messages;
};

std::unique_ptr<Message> Copy(const Message& message) {
  std::unique_ptr<Message> copy(message.New());
  copy->CopyFrom(message);
  return copy;
}

class MalformedTest : public ::testing::Test {
 protected:
  MalformedTest()
      : data_(Connect(server_.server().ports().data)),
        control_(Connect(server_.server().ports().control)) {
    EXPECT_TRUE(server_.PushRevision(artifact_).first.ok());
    token_ = server_.GetPrompt(SampleRequest()).second.decision_token();
    AddMethods("attune.v1.PromptService", false);
    AddMethods("attune.v1.PolicyService", true);
    AddMethods("attune.v1.LogService", true);
  }

  void AddMethods(const std::string& name, bool on_control_port) {
    const auto* const service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
            name);
    ASSERT_NE(service, nullptr) << name;
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor* const method = service->method(i);
      methods_.push_back(
          {.path = "/" + name + "/" + method->name(),
           .on_control_port = on_control_port,
           .max_answers = method->name() == "WatchRevisions" ? 1 : 1000,
           .messages = GoodMessages(*method)});
    }
  }

  // What a good caller sends.
  std::vector<std::unique_ptr<Message>> GoodMessages(
      const MethodDescriptor& method) const {
    std::vector<std::unique_ptr<Message>> messages;
    const auto add = [&](const Message& message) {
      messages.push_back(Copy(message));
    };
    const std::string& name = method.name();
    if (name == "GetPrompt") {
      v1::GetPromptRequest request = SampleRequest();
      request.mutable_previous()->set_decision_token(token_);
      request.mutable_previous()->add_ranked_item_ids("item-036");
      add(request);
    } else if (name == "StreamPrompts") {
      v1::StreamPromptsRequest request;
      *request.add_calls()->mutable_request() = SampleRequest(2, 3);
      add(request);
      add(request);
    } else if (name == "RecordFeedback") {
      v1::RecordFeedbackRequest request;
      request.set_decision_token(token_);
      request.set_reward(0.5F);
      add(request);
    } else if (name == "PushRevision") {
      v1::PushRevisionRequest request;
      request.mutable_header()->set_digest(policy::Sha256Hex(artifact_));
      request.mutable_header()->set_byte_size(
          static_cast<int64_t>(artifact_.size()));
      add(request);
      request.set_data(artifact_);
      add(request);
    } else {
      // Every field with something in it, by mutation alone.
      add(*google::protobuf::MessageFactory::generated_factory()->GetPrototype(
          method.input_type()));
    }
    return messages;
  }

  // One call of `method` with something wrong.
  grpc::Status CallBadly(const Method& method, policy::Rng& rng) {
    std::vector<std::string> bytes;
    const uint32_t bad =
        rng.Below(static_cast<uint32_t>(method.messages.size()));
    for (uint32_t i = 0; i < method.messages.size(); ++i) {
      const auto message = Copy(*method.messages[i]);
      for (uint32_t n = i == bad ? 1 + rng.Below(4) : 0; n > 0; --n) {
        testing::MutateMessage(message.get(), rng);
      }
      bytes.push_back(message->SerializePartialAsString());
      if (i == bad && rng.Below(2) == 0) {
        bytes.back() = testing::MutateWire(std::move(bytes.back()), rng);
      }
    }
    return RawCall(method.on_control_port ? control_ : data_, method.path,
                   bytes, method.max_answers);
  }

  const std::string artifact_ = MakeArtifact("good");
  TestServer server_;
  grpc::GenericStub data_;
  grpc::GenericStub control_;
  std::string token_;
  std::vector<Method> methods_;
};

// CANCELLED is ours, of a stream that does not end by itself.
bool SaysWhatIsWrong(const Method& method, StatusCode code) {
  return (code != StatusCode::CANCELLED || method.max_answers == 1) &&
         code != StatusCode::UNKNOWN && code != StatusCode::INTERNAL &&
         code != StatusCode::UNIMPLEMENTED && code != StatusCode::DATA_LOSS &&
         code != StatusCode::UNAVAILABLE &&
         code != StatusCode::DEADLINE_EXCEEDED;
}

TEST_F(MalformedTest, RequestsAreRefusedWithACodeThatSaysWhy) {
  const google::protobuf::LogSilencer silencer;
  const int calls = testing::FromEnvironment("ATTUNE_MALFORMED", 2000);
  const int seed = testing::FromEnvironment("ATTUNE_SEED", 20261130);
  policy::Rng rng(static_cast<uint64_t>(seed));
  std::map<int, int> codes;
  ResidentMemory memory;
  for (int i = 0; i < calls; ++i) {
    const Method& method =
        methods_[rng.Below(static_cast<uint32_t>(methods_.size()))];
    const grpc::Status status = CallBadly(method, rng);
    ASSERT_TRUE(SaysWhatIsWrong(method, status.error_code()))
        << method.path << " call " << i << " of seed " << seed << ": "
        << status.error_code() << " " << status.error_message();
    ++codes[status.error_code()];
    if (i % (calls / kSamples + 1) == 0) memory.Sample();
  }
  std::cout << "[ malformed] " << calls << " calls of seed " << seed << ":";
  for (const auto& [code, count] : codes) {
    std::cout << " code " << code << ": " << count;
  }
  std::cout << "; memory grew by " << memory.Growth() / 1024 << " KiB\n";
  EXPECT_GT(codes[StatusCode::INVALID_ARGUMENT], calls / 5);
  if (!testing::kSanitized) {
    EXPECT_LE(memory.Growth(),
              calls >= kManyCalls ? kMaxGrowth : kMaxGrowthOfFew);
  }
  EXPECT_TRUE(server_.GetPrompt(SampleRequest()).first.ok());
  EXPECT_TRUE(server_.PushRevision(MakeArtifact("after")).first.ok());
}

}  // namespace
}  // namespace attune::server
