// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_SERVER_FIXTURE_H_
#define ATTUNE_TESTS_SERVER_SERVER_FIXTURE_H_

// A server in this process over loopback ports of its own choice, and the calls
// that tests make to it.

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "attune/v1/log_service.grpc.pb.h"
#include "attune/v1/policy_service.grpc.pb.h"
#include "attune/v1/prompt_service.grpc.pb.h"
#include "gtest/gtest.h"
#include "policy/digest.h"
#include "server/server.h"
#include "tests/server/samples.h"
#include "tests/server/tagged_catalog.h"
#include "tests/server/temp_dir.h"

namespace attune::server {

// All messages' texts, one after another.
template <typename Response>
std::string TextOf(const Response& response) {
  std::string text;
  for (const auto& message : response.messages()) {
    for (const auto& segment : message.segments()) text += segment.text();
  }
  return text;
}

inline std::shared_ptr<grpc::Channel> Connect(int port) {
  grpc::ChannelArguments arguments;
  // A connection of its own for each channel.
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);
  return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                   grpc::InsecureChannelCredentials(),
                                   arguments);
}

class TestServer {
 public:
  TestServer() { Restart(); }

  // Stops and starts over the same directory.
  void Restart(ServerConfig config = {}) {
    server_.reset();
    config.data_listen = config.control_listen = config.metrics_listen =
        "127.0.0.1:0";
    config.revision_dir = revision_dir();
    config.catalog = dir_.Write("catalog.yaml", TaggedCatalogYaml("uniform"));
    if (config.token_key_file.empty()) {
      config.token_key_file = dir_.Write("key", std::string(32, 'k'));
    }
    auto server = Server::Start({config, [this] {
                                   WaitIfHeld();
                                   return now();
                                 }});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    prompts_ = v1::PromptService::NewStub(Connect(server_->ports().data));
    policies_ = v1::PolicyService::NewStub(Connect(server_->ports().control));
    logs_ = v1::LogService::NewStub(Connect(server_->ports().control));
  }

  absl::Time now() const { return absl::FromUnixSeconds(now_seconds_); }
  void Advance(absl::Duration duration) {
    now_seconds_ += absl::ToInt64Seconds(duration);
  }

  // From now on a decision waits where it reads the clock, until ReleaseCalls().
  void HoldCalls() {
    std::lock_guard<std::mutex> lock(mutex_);
    hold_ = true;
  }
  void AwaitHeldCall() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return held_ > 0; });
  }
  void ReleaseCalls() {
    std::lock_guard<std::mutex> lock(mutex_);
    hold_ = false;
    changed_.notify_all();
  }

  Server& server() { return *server_; }
  const TempDir& dir() const { return dir_; }
  std::string revision_dir() const { return dir_.path() + "/revisions"; }
  v1::PromptService::Stub& prompts() { return *prompts_; }
  v1::PolicyService::Stub& policies() { return *policies_; }
  v1::LogService::Stub& logs() { return *logs_; }

  std::pair<grpc::Status, v1::GetPromptResponse> GetPrompt(
      const v1::GetPromptRequest& request) {
    grpc::ClientContext context;
    v1::GetPromptResponse response;
    grpc::Status status = prompts_->GetPrompt(&context, request, &response);
    return {status, response};
  }

  std::pair<grpc::Status, v1::RecordFeedbackResponse> RecordFeedback(
      const v1::RecordFeedbackRequest& request) {
    grpc::ClientContext context;
    v1::RecordFeedbackResponse response;
    grpc::Status status =
        prompts_->RecordFeedback(&context, request, &response);
    return {status, response};
  }
  // The reward of the decision that the token proves.
  std::pair<grpc::Status, v1::RecordFeedbackResponse> RecordReward(
      const std::string& token, float reward) {
    v1::RecordFeedbackRequest request;
    request.set_decision_token(token);
    request.set_reward(reward);
    return RecordFeedback(request);
  }

  std::pair<grpc::Status, v1::ForgetUserResponse> ForgetUser(
      const std::string& user_id) {
    grpc::ClientContext context;
    v1::ForgetUserRequest request;
    v1::ForgetUserResponse response;
    request.set_user_id(user_id);
    grpc::Status status = logs_->ForgetUser(&context, request, &response);
    return {status, response};
  }

  std::pair<grpc::Status, v1::ListDecisionsResponse> ListDecisions(
      const v1::ListDecisionsRequest& request) {
    grpc::ClientContext context;
    v1::ListDecisionsResponse response;
    grpc::Status status = logs_->ListDecisions(&context, request, &response);
    return {status, response};
  }

  std::string ActiveRevision() {
    return GetPrompt(SampleRequest()).second.revision();
  }

  struct Push {
    bool activate = true;
    int64_t offset = 0;
    // Bytes that are sent from offset on; -1 for all.
    int64_t send = -1;
    size_t chunk = 1000;
    // What the header says; empty and -1 for the truth.
    std::string digest = "";
    int64_t byte_size = -1;
    std::optional<v1::RevisionSignature> signature = std::nullopt;
  };

  std::pair<grpc::Status, v1::PushRevisionResponse> PushRevision(
      const std::string& artifact, const Push& push) {
    grpc::ClientContext context;
    v1::PushRevisionResponse response;
    auto writer = policies_->PushRevision(&context, &response);
    v1::PushRevisionRequest message;
    auto* header = message.mutable_header();
    header->set_digest(push.digest.empty() ? policy::Sha256Hex(artifact)
                                           : push.digest);
    header->set_byte_size(push.byte_size < 0
                              ? static_cast<int64_t>(artifact.size())
                              : push.byte_size);
    header->set_offset(push.offset);
    header->set_activate(push.activate);
    if (push.signature.has_value()) {
      *header->mutable_signature() = *push.signature;
    }
    bool open = writer->Write(message);
    std::string rest = artifact.substr(push.offset);
    if (push.send >= 0) rest.resize(push.send);
    for (size_t i = 0; open && i < rest.size(); i += push.chunk) {
      message.set_data(rest.substr(i, push.chunk));
      open = writer->Write(message);
    }
    writer->WritesDone();
    grpc::Status status = writer->Finish();
    return {status, response};
  }
  std::pair<grpc::Status, v1::PushRevisionResponse> PushRevision(
      const std::string& artifact) {
    return PushRevision(artifact, Push());
  }

  v1::GetPushOffsetResponse PushOffset(const std::string& artifact) {
    grpc::ClientContext context;
    v1::GetPushOffsetRequest request;
    v1::GetPushOffsetResponse response;
    request.set_digest(policy::Sha256Hex(artifact));
    EXPECT_TRUE(policies_->GetPushOffset(&context, request, &response).ok());
    return response;
  }

  grpc::Status SetActive(const std::string& id) {
    grpc::ClientContext context;
    v1::SetTrafficRequest request;
    v1::SetTrafficResponse response;
    request.mutable_traffic()->set_active(id);
    return policies_->SetTraffic(&context, request, &response);
  }

  std::pair<grpc::Status, std::string> Rollback() {
    grpc::ClientContext context;
    v1::RollbackResponse response;
    grpc::Status status =
        policies_->Rollback(&context, v1::RollbackRequest(), &response);
    return {status, response.traffic().active()};
  }

  std::pair<grpc::Status, v1::ListRevisionsResponse> List(
      int page_size, const std::string& page_token) {
    grpc::ClientContext context;
    v1::ListRevisionsRequest request;
    v1::ListRevisionsResponse response;
    request.set_page_size(page_size);
    request.set_page_token(page_token);
    grpc::Status status =
        policies_->ListRevisions(&context, request, &response);
    return {status, response};
  }

 private:
  void WaitIfHeld() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!hold_) return;
    ++held_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !hold_; });
    --held_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool hold_ = false;  // guarded by mutex_
  int held_ = 0;       // guarded by mutex_
  TempDir dir_;
  std::atomic<int64_t> now_seconds_ = 1764000000;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::PromptService::Stub> prompts_;
  std::unique_ptr<v1::PolicyService::Stub> policies_;
  std::unique_ptr<v1::LogService::Stub> logs_;
};

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_SERVER_FIXTURE_H_
