// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PROMPT_STREAM_H_
#define ATTUNE_SERVER_PROMPT_STREAM_H_

// One StreamPrompts call: reads a message, answers its calls, writes the
// answers, reads the next one. Deletes itself when gRPC is done with it.
//
// Exactly one of these is under way: a read, a message being answered, a write.
// So a stream holds one message at a time whatever a peer sends, and a peer that
// does not read is not read from. A cancelled stream finishes at once, or as
// soon as the message being answered is.

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/admission.h"
#include "server/caller_quota.h"
#include "server/metrics.h"
#include "server/prompt_handler.h"
#include "server/worker.h"
#include "tracing/tracer.h"

namespace attune::server {

inline constexpr int kMaxCallsInMessage = 64;

class PromptStream final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  // Everything must outlive the call; `tracer` may be null.
  PromptStream(grpc::CallbackServerContext* context,
               const PromptHandler* handler, Admission* admission,
               CallerQuota* quota, Worker* lane, Metrics* metrics,
               const tracing::Tracer* tracer);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  // Answers the message and starts to write, or ends the stream.
  void Answer();
  // Appends the results of the calls in `message`.
  absl::Status AnswerCalls(std::string_view message, std::string* out);
  absl::Status Admit(int calls);
  void AnswerCall(std::string_view call, const absl::Status& admitted,
                  std::string* out);
  void End(const absl::Status& status);

  grpc::CallbackServerContext& context_;
  const PromptHandler& handler_;
  Admission& admission_;
  CallerQuota& quota_;
  Worker& lane_;
  Metrics& metrics_;
  const tracing::Tracer* const tracer_;
  // Empty without a quota.
  const std::string caller_;
  // Of the message being answered, until its answer is written.
  CallerQuota::Lease lease_;
  grpc::ByteBuffer in_;
  grpc::ByteBuffer out_;

  std::mutex mutex_;
  bool answering_ = false;  // guarded by mutex_
  bool cancelled_ = false;  // guarded by mutex_
  bool finished_ = false;   // guarded by mutex_
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PROMPT_STREAM_H_
