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

grpc::Status FakePromptService::RecordFeedback(
    grpc::ServerContext*, const v1::RecordFeedbackRequest* request,
    v1::RecordFeedbackResponse* response) {
  const std::lock_guard lock(mutex_);
  last_feedback_ = *request;
  const grpc::Status status = Next();
  if (!status.ok()) return status;
  const auto [first, is_new] =
      feedback_.emplace(request->decision_token(), *request);
  response->set_decision_id("0123456789abcdef0123456789abcdef");
  response->set_reward(first->second.reward());
  response->set_duplicate(!is_new &&
                          first->second.request_id() != request->request_id());
  if (std::exchange(lose_answer_, false)) {
    return {grpc::StatusCode::UNAVAILABLE, "the answer got lost"};
  }
  return grpc::Status::OK;
}

void FakePromptService::LoseNextAnswer() {
  const std::lock_guard lock(mutex_);
  lose_answer_ = true;
}

v1::RecordFeedbackRequest FakePromptService::last_feedback() const {
  const std::lock_guard lock(mutex_);
  return last_feedback_;
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

grpc::Status FakeLogService::ListDecisions(
    grpc::ServerContext*, const v1::ListDecisionsRequest* request,
    v1::ListDecisionsResponse* response) {
  constexpr size_t kPage = 2;
  const std::lock_guard lock(mutex_);
  const size_t begin =
      request->page_token().empty() ? 0 : std::stoul(request->page_token());
  const size_t end = std::min(begin + kPage, decisions_.size());
  for (size_t i = begin; i < end; ++i) {
    if (request->only_with_feedback() && !decisions_[i].has_feedback()) {
      continue;
    }
    *response->add_decisions() = decisions_[i];
  }
  if (begin == 0) response->set_damaged_records(damaged_);
  if (end < decisions_.size()) {
    response->set_next_page_token(std::to_string(end));
  }
  return grpc::Status::OK;
}

grpc::Status FakeLogService::ForgetUser(grpc::ServerContext*,
                                        const v1::ForgetUserRequest* request,
                                        v1::ForgetUserResponse* response) {
  const std::lock_guard lock(mutex_);
  forgotten_.push_back(request->user_id());
  response->set_erased_decisions(3);
  response->set_erased_feedback(2);
  return grpc::Status::OK;
}

void FakeLogService::Add(const std::string& decision_id, float reward,
                         v1::DecisionMode mode) {
  const std::lock_guard lock(mutex_);
  v1::LoggedDecision& decision = decisions_.emplace_back();
  decision.set_decision_id(decision_id);
  decision.set_mode(mode);
  if (reward >= 0.0F) decision.mutable_feedback()->set_reward(reward);
}

void FakeLogService::SetDamaged(int records) {
  const std::lock_guard lock(mutex_);
  damaged_ = records;
}

std::vector<std::string> FakeLogService::forgotten() const {
  const std::lock_guard lock(mutex_);
  return forgotten_;
}

FakeServer::FakeServer() {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&prompt);
  builder.RegisterService(&policy);
  builder.RegisterService(&log);
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
