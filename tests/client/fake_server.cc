// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tests/client/fake_server.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace attune::testing {
namespace {

void AddItem(const std::string& id, const std::string& title,
             google::protobuf::RepeatedPtrField<v1::Item>* items) {
  v1::Item& item = *items->Add();
  item.set_item_id(id);
  item.set_title(title);
}

void AddSegment(v1::SegmentKind kind, const std::string& text,
                v1::Message& message) {
  v1::Segment& segment = *message.add_segments();
  segment.set_kind(kind);
  segment.set_text(text);
}

}  // namespace

v1::GetPromptRequest SampleRequest() {
  v1::GetPromptRequest request;
  AddItem("1", "Toy Story (1995)", request.mutable_history());
  AddItem("50", "Star Wars (1977)", request.mutable_candidates());
  AddItem("2", "GoldenEye (1995)", request.mutable_candidates());
  AddItem("71", "The Lion King (1994)", request.mutable_candidates());
  return request;
}

v1::GetPromptResponse SampleResponse(const v1::GetPromptRequest& request) {
  v1::GetPromptResponse response;
  response.set_decision_id("0123456789abcdef0123456789abcdef");
  response.set_decision_token(std::string("\0token\xFF", 7));
  response.set_revision("feedfacefeedface");
  v1::Message& system = *response.add_messages();
  system.set_role("system");
  AddSegment(v1::SEGMENT_KIND_INSTRUCTION, "You know movies.", system);
  v1::Message& user = *response.add_messages();
  user.set_role("user");
  AddSegment(v1::SEGMENT_KIND_INSTRUCTION, "I liked ", user);
  AddSegment(v1::SEGMENT_KIND_UNTRUSTED_DATA, request.history(0).title(), user);
  AddSegment(v1::SEGMENT_KIND_INSTRUCTION, ".\nRank.", user);
  v1::PatternChoice& hint = *response.mutable_choice()->add_patterns();
  hint.set_pattern("hint");
  hint.set_option_id("best_1");
  hint.set_option(1);
  hint.set_probability(0.25F);
  response.mutable_choice()->set_history_length(1);
  v1::AnswerContract& answer = *response.mutable_answer();
  answer.set_readout(v1::READOUT_GENERATE);
  const int count = request.candidates_size();
  for (int i = 0; i < count; ++i) {
    const v1::Item& item = request.candidates((i + count - 1) % count);
    answer.add_labels(std::string(1, static_cast<char>('A' + i)));
    answer.add_displayed_item_ids(item.item_id());
    answer.add_displayed_titles(item.title());
  }
  response.mutable_expire_time()->set_seconds(1'800'000'000);
  return response;
}

grpc::Status FakePromptService::Next() {
  ++calls_;
  if (failures_.empty()) return grpc::Status::OK;
  const grpc::Status status = failures_.front();
  failures_.pop_front();
  return status;
}

grpc::Status FakePromptService::GetPrompt(grpc::ServerContext*,
                                          const v1::GetPromptRequest* request,
                                          v1::GetPromptResponse* response) {
  std::shared_ptr<absl::Notification> hold;
  grpc::Status status;
  {
    const std::lock_guard lock(mutex_);
    last_request_ = *request;
    hold = hold_;
    status = Next();
  }
  if (hold != nullptr) hold->WaitForNotification();
  if (status.ok()) *response = SampleResponse(*request);
  return status;
}

grpc::Status FakePromptService::PreviewPrompt(
    grpc::ServerContext*, const v1::PreviewPromptRequest* request,
    v1::PreviewPromptResponse* response) {
  const std::lock_guard lock(mutex_);
  last_preview_ = *request;
  v1::GetPromptRequest as_request;
  *as_request.mutable_history() = request->history();
  *as_request.mutable_candidates() = request->candidates();
  const v1::GetPromptResponse sample = SampleResponse(as_request);
  response->set_revision(sample.revision());
  *response->mutable_messages() = sample.messages();
  *response->mutable_choice() = sample.choice();
  *response->mutable_answer() = sample.answer();
  return Next();
}

void FakePromptService::FailNext(std::vector<grpc::Status> failures) {
  const std::lock_guard lock(mutex_);
  failures_.assign(failures.begin(), failures.end());
}

void FakePromptService::Hold() {
  const std::lock_guard lock(mutex_);
  hold_ = std::make_shared<absl::Notification>();
}

void FakePromptService::Release() {
  const std::lock_guard lock(mutex_);
  if (hold_ != nullptr) hold_->Notify();
  hold_ = nullptr;
}

int FakePromptService::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

v1::GetPromptRequest FakePromptService::last_request() const {
  const std::lock_guard lock(mutex_);
  return last_request_;
}

v1::PreviewPromptRequest FakePromptService::last_preview() const {
  const std::lock_guard lock(mutex_);
  return last_preview_;
}

FakeServer::FakeServer() {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&prompt);
  builder.RegisterService(&policy);
  server_ = builder.BuildAndStart();
  target_ = absl::StrCat("127.0.0.1:", port);
}

FakeServer::~FakeServer() { Stop(); }

void FakeServer::Stop() {
  if (server_ == nullptr) return;
  prompt.Release();
  server_->Shutdown();
  server_->Wait();
  server_ = nullptr;
}

}  // namespace attune::testing
