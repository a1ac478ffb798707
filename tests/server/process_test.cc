// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tests/server/process.h"

#include <gmock/gmock.h>
#include <grpcpp/impl/client_unary_call.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "google/protobuf/wrappers.pb.h"
#include "policy/random.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/sanitized.h"

namespace attune::server {
namespace {

using ::attune::testing::kSanitized;
using ::testing::HasSubstr;
using ::testing::Not;
using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// True if the health service says SERVING. Debian ships no stubs of it; a
// wrapper of a string is a HealthCheckRequest on the wire, and one of a number
// the response.
bool IsServing(int port, const std::string& service) {
  constexpr int kServing = 1;
  auto channel = Connect(port);
  const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check",
                                         grpc::internal::RpcMethod::NORMAL_RPC,
                                         channel);
  google::protobuf::StringValue request;
  request.set_value(service);
  google::protobuf::Int32Value response;
  grpc::ClientContext context;
  const grpc::Status status = grpc::internal::BlockingUnaryCall<
      google::protobuf::StringValue, google::protobuf::Int32Value,
      grpc::protobuf::MessageLite, grpc::protobuf::MessageLite>(
      channel.get(), method, &context, request, &response);
  return status.ok() && response.value() == kServing;
}

// Random weights over the shipped movies catalog, with as many items and as wide
// embeddings as MovieLens-100K gives.
std::string MovieLensSizedArtifact() {
  constexpr int kItems = 1700;
  constexpr int kDim = 64;
  policy::Rng rng(1);
  auto parts = testing::MakeRevisionParts(
      ReadFile(ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml"),
      policy::HeadsKind::kAutoregressive, 1,
      {.embedding_dim = kDim,
       .ngram_buckets = 4096,
       .gru_hidden = 64,
       .option_embedding_dim = 64,
       .hidden = 64,
       .score_dim = 32,
       .scale = 0.1F});
  for (policy::NamedTensor& tensor : parts.tensors) {
    if (tensor.name == "item_embeddings") {
      tensor = testing::RandomTensor(tensor.name, {kItems, kDim}, 1.0F, rng);
    } else if (tensor.name == "item_popularity") {
      tensor = {tensor.name, {kItems}, std::vector<float>(kItems, 0.5F)};
    }
  }
  for (policy::NamedStrings& strings : parts.strings) {
    strings.values.clear();
    for (int i = 0; i < kItems; ++i) {
      const std::string number = std::to_string(10000 + i);
      strings.values.push_back(strings.name == "item_ids" ? number
                               : strings.name == "item_titles"
                                   ? "Some Film With a Title " + number
                                   : "Comedy|Drama");
    }
  }
  auto artifact = policy::EncodeRevision(std::move(parts));
  EXPECT_TRUE(artifact.ok()) << artifact.status();
  return artifact.ok() ? *artifact : "";
}

TEST(ProcessTest, StartsServesAndExitsOnSigterm) {
  const TempDir dir;
  Process process(dir, {"--catalog", Catalog(dir)});
  const std::string line = process.ReadLine();
  ASSERT_GT(PortIn(line, "data_port"), 0) << process.log();
  EXPECT_EQ(ReadFile(dir.path() + "/ports.json"), line);
  EXPECT_THAT(ActiveRevision(PortIn(line, "data_port")),
              ::testing::StartsWith("uniform-"));
  const auto start = Clock::now();
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0) << process.log();
  std::cout << "[ shutdown ] " << SecondsSince(start) << " s\n";
  EXPECT_LT(SecondsSince(start), 5.0);
  EXPECT_THAT(process.log(), HasSubstr("\"message\":\"stopped\""));
}

TEST(ProcessTest, ServesTheSameRevisionAfterKillMinusNine) {
  const TempDir dir;
  const std::string artifact = MakeArtifact("one");
  {
    Process process(dir, {"--catalog", Catalog(dir)});
    const int port = PortIn(process.ReadLine(), "control_port");
    ASSERT_TRUE(Push(port, artifact, artifact.size())) << process.log();
  }  // killed
  const auto start = Clock::now();
  Process process(dir, {"--catalog", Catalog(dir)});
  const std::string line = process.ReadLine();
  std::cout << "[ start-up with a revision ] " << SecondsSince(start) << " s\n";
  EXPECT_EQ(ActiveRevision(PortIn(line, "data_port")),
            policy::RevisionIdOf(artifact));
}

TEST(ProcessTest, StartsQuicklyAndStaysSmallWithARevisionOfMovieLensSize) {
  const TempDir dir;
  const std::string artifact = MovieLensSizedArtifact();
  {
    Process process(dir, {"--catalog", Catalog(dir)});
    const int port = PortIn(process.ReadLine(), "control_port");
    ASSERT_TRUE(Push(port, artifact, artifact.size())) << process.log();
  }
  const auto start = Clock::now();
  Process process(dir, {"--catalog", Catalog(dir)});
  const int port = PortIn(process.ReadLine(), "data_port");
  ASSERT_TRUE(IsServing(port, "attune.v1.PromptService")) << process.log();
  const double seconds = SecondsSince(start);
  const double idle = process.Megabytes("VmRSS");
  auto stub = v1::PromptService::NewStub(Connect(port));
  auto request = SampleRequest(30, 20);
  for (int i = 0; i < request.history_size(); ++i) {
    request.mutable_history(i)->set_item_id(std::to_string(10000 + 50 * i));
  }
  for (int i = 0; i < 500; ++i) {
    grpc::ClientContext context;
    v1::GetPromptResponse response;
    ASSERT_TRUE(stub->GetPrompt(&context, request, &response).ok());
    ASSERT_EQ(response.revision(), policy::RevisionIdOf(artifact));
  }
  const double peak = process.Megabytes("VmHWM");
  std::cout << "[ revision ] " << artifact.size()
            << " bytes\n[ serving after ] " << seconds << " s\n[ resident ] "
            << idle << " MB, at most " << peak << " MB after 500 prompts\n";
  EXPECT_GT(idle, 1.0);
  if (kSanitized) return;
  EXPECT_LT(peak, 100.0);
  EXPECT_LT(seconds, 1.0);  // 0.05 s on two busy cores
}

TEST(ProcessTest, SigtermDuringAPushLeavesThePart) {
  const TempDir dir;
  const std::string artifact = MakeArtifact("one");
  Process process(dir,
                  {"--catalog", Catalog(dir), "--shutdown_deadline", "100ms"});
  const int port = PortIn(process.ReadLine(), "control_port");
  auto stub = v1::PolicyService::NewStub(Connect(port));
  grpc::ClientContext context;
  v1::PushRevisionResponse response;
  auto writer = stub->PushRevision(&context, &response);
  v1::PushRevisionRequest message;
  message.mutable_header()->set_digest(policy::Sha256Hex(artifact));
  message.mutable_header()->set_byte_size(
      static_cast<int64_t>(artifact.size()));
  ASSERT_TRUE(writer->Write(message));
  message.set_data(artifact.substr(0, 700));
  ASSERT_TRUE(writer->Write(message));
  const std::string part = dir.path() + "/revisions/incoming/" +
                           policy::Sha256Hex(artifact) + ".part";
  while (ReadFile(part).size() < 700) std::this_thread::yield();
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0) << process.log();
  EXPECT_FALSE(writer->Finish().ok());
  EXPECT_EQ(ReadFile(part), artifact.substr(0, 700));
}

TEST(ProcessTest, LogsOnlyJsonWhateverACallerSends) {
  const TempDir dir;
  Process process(dir, {"--catalog", Catalog(dir)});
  const int port = PortIn(process.ReadLine(), "data_port");
  auto stub = v1::PromptService::NewStub(Connect(port));
  auto request = SampleRequest();
  request.mutable_history(0)->set_title("SECRET\xff");
  grpc::ClientContext context;
  v1::GetPromptResponse response;
  EXPECT_EQ(stub->GetPrompt(&context, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0);
  std::istringstream log(process.log());
  int lines = 0;
  for (std::string line; std::getline(log, line); ++lines) {
    EXPECT_EQ(line.front(), '{') << line;
    EXPECT_EQ(line.back(), '}') << line;
  }
  EXPECT_GT(lines, 0);
  EXPECT_THAT(process.log(), Not(HasSubstr("SECRET")));
}

TEST(ProcessTest, RefusesABadCommandLineInOneLine) {
  const TempDir dir;
  Process process(dir, {"--nonsense"});
  EXPECT_EQ(process.Wait(), 2);
  EXPECT_THAT(process.log(), HasSubstr("nonsense"));
}

// The lines of ldd without the load addresses, whose random hexadecimal digits
// can spell a library's name ("c10").
TEST(ProcessTest, LinksNeitherLibtorchNorPython) {
  FILE* pipe = ::popen("ldd " ATTUNE_SERVER_BINARY, "r");
  ASSERT_NE(pipe, nullptr);
  std::string libraries;
  char line[512];
  while (std::fgets(line, sizeof(line), pipe) != nullptr) {
    const std::string_view text(line);
    libraries.append(text.substr(0, text.rfind(" (0x"))).push_back('\n');
  }
  EXPECT_EQ(::pclose(pipe), 0);
  EXPECT_THAT(libraries, HasSubstr("libgrpc"));
  EXPECT_THAT(libraries, Not(HasSubstr("torch")));
  EXPECT_THAT(libraries, Not(HasSubstr("c10")));
  EXPECT_THAT(libraries, Not(HasSubstr("python")));
}

}  // namespace
}  // namespace attune::server
