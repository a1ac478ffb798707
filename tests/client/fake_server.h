// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_CLIENT_FAKE_SERVER_H_
#define ATTUNE_TESTS_CLIENT_FAKE_SERVER_H_

// A server in this process that answers as told and counts its calls. Loopback,
// a free port. The services are thread-safe; a test sets them up before it
// calls.

#include <grpcpp/grpcpp.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "attune/v1/log_service.grpc.pb.h"
#include "attune/v1/policy_service.grpc.pb.h"
#include "attune/v1/prompt_service.grpc.pb.h"

namespace attune::testing {

// A decision about "tiny" requests: three candidates, displayed in the order 2,
// 0, 1 of the caller's.
v1::GetPromptResponse SampleResponse(const v1::GetPromptRequest& request);
v1::GetPromptRequest SampleRequest();

class FakePromptService final : public v1::PromptService::Service {
 public:
  grpc::Status GetPrompt(grpc::ServerContext* context,
                         const v1::GetPromptRequest* request,
                         v1::GetPromptResponse* response) override;
  grpc::Status PreviewPrompt(grpc::ServerContext* context,
                             const v1::PreviewPromptRequest* request,
                             v1::PreviewPromptResponse* response) override;

  // Says the first reward of each token; request ids as the real one.
  grpc::Status RecordFeedback(grpc::ServerContext* context,
                              const v1::RecordFeedbackRequest* request,
                              v1::RecordFeedbackResponse* response) override;

  // The next calls end like this, then calls succeed.
  void FailNext(std::vector<grpc::Status> failures);
  // The next feedback is recorded, but its answer is lost.
  void LoseNextAnswer();
  // Until Release(), GetPrompt does not answer.
  void Hold();
  void Release();
  int calls() const;
  v1::GetPromptRequest last_request() const;
  v1::PreviewPromptRequest last_preview() const;
  v1::RecordFeedbackRequest last_feedback() const;

 private:
  grpc::Status Next();

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<grpc::Status> failures_;
  std::shared_ptr<absl::Notification> hold_;
  int calls_ = 0;
  v1::GetPromptRequest last_request_;
  v1::PreviewPromptRequest last_preview_;
  v1::RecordFeedbackRequest last_feedback_;
  std::map<std::string, v1::RecordFeedbackRequest> feedback_;
  bool lose_answer_ = false;
};

// Lists what it is given, two decisions a page, and forgets whom it is told to.
class FakeLogService final : public v1::LogService::Service {
 public:
  grpc::Status ListDecisions(grpc::ServerContext* context,
                             const v1::ListDecisionsRequest* request,
                             v1::ListDecisionsResponse* response) override;
  grpc::Status ForgetUser(grpc::ServerContext* context,
                          const v1::ForgetUserRequest* request,
                          v1::ForgetUserResponse* response) override;

  // Adds a decision with this id; with feedback if the reward is at least 0.
  void Add(const std::string& decision_id, float reward,
           v1::DecisionMode mode = v1::DECISION_MODE_SAMPLE);
  void SetDamaged(int records);
  std::vector<std::string> forgotten() const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<v1::LoggedDecision> decisions_;
  std::vector<std::string> forgotten_;
  int damaged_ = 0;
};

// Stores pushes as the real one does, and breaks streams where it is told. A
// watch tells the traffic and breaks.
class FakePolicyService final : public v1::PolicyService::Service {
 public:
  grpc::Status PushRevision(grpc::ServerContext* context,
                            grpc::ServerReader<v1::PushRevisionRequest>* reader,
                            v1::PushRevisionResponse* response) override;
  grpc::Status GetPushOffset(grpc::ServerContext* context,
                             const v1::GetPushOffsetRequest* request,
                             v1::GetPushOffsetResponse* response) override;
  grpc::Status ListRevisions(grpc::ServerContext* context,
                             const v1::ListRevisionsRequest* request,
                             v1::ListRevisionsResponse* response) override;
  grpc::Status GetRevision(grpc::ServerContext* context,
                           const v1::GetRevisionRequest* request,
                           v1::GetRevisionResponse* response) override;
  grpc::Status WatchRevisions(
      grpc::ServerContext* context, const v1::WatchRevisionsRequest* request,
      grpc::ServerWriter<v1::WatchRevisionsResponse>* writer) override;
  grpc::Status DeleteRevision(grpc::ServerContext* context,
                              const v1::DeleteRevisionRequest* request,
                              v1::DeleteRevisionResponse* response) override;
  grpc::Status SetTraffic(grpc::ServerContext* context,
                          const v1::SetTrafficRequest* request,
                          v1::SetTrafficResponse* response) override;
  grpc::Status Rollback(grpc::ServerContext* context,
                        const v1::RollbackRequest* request,
                        v1::RollbackResponse* response) override;

  // The next streams break once the artifact's first `offset` bytes are stored.
  void BreakAt(std::vector<int64_t> offsets);
  // The next streams end like this before anything is stored.
  void FailPushes(std::vector<grpc::Status> failures);
  // The next unary calls but GetPushOffset end like this.
  void FailNext(std::vector<grpc::Status> failures);
  // The next stream is stored whole, but its answer is lost.
  void LoseNextAnswer();
  // Adds stored revisions with these ids, newest first.
  void AddRevisions(const std::vector<std::string>& ids);

  // The artifacts that were stored whole.
  std::vector<std::string> stored() const;
  int pushes() const;
  int calls() const;
  std::string active() const;
  // Of the last change.
  std::string reason() const;
  // Largest data message so far.
  size_t largest_chunk() const;

 private:
  grpc::Status Next();
  grpc::Status Receive(const v1::PushRevisionHeader& header,
                       grpc::ServerReader<v1::PushRevisionRequest>* reader,
                       int64_t break_at, std::string& part);
  grpc::Status Store(const v1::PushRevisionHeader& header,
                     v1::PushRevisionResponse* response);

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::string, std::string> parts_;
  std::map<std::string, std::string> complete_;
  std::vector<v1::Revision> revisions_;
  std::deque<int64_t> breaks_;
  std::deque<grpc::Status> push_failures_;
  std::deque<grpc::Status> failures_;
  bool lose_answer_ = false;
  int pushes_ = 0;
  int calls_ = 0;
  size_t largest_chunk_ = 0;
  v1::Traffic traffic_;
  // The revision that was active before; empty if there is none.
  std::string previous_;
  std::string reason_;
};

class FakeServer {
 public:
  FakeServer();
  ~FakeServer();

  FakePromptService prompt;
  FakePolicyService policy;
  FakeLogService log;
  // "127.0.0.1:port".
  const std::string& target() const { return target_; }
  // Refuses connections from now on.
  void Stop();

 private:
  std::string target_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_CLIENT_FAKE_SERVER_H_
