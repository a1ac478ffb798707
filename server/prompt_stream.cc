// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/prompt_stream.h"

#include <grpcpp/server_context.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "attune/v1/prompt_service.pb.h"
#include "policy/status_macros.h"
#include "server/call_span.h"
#include "server/call_time.h"
#include "server/grpc_status.h"
#include "server/parse_request.h"
#include "server/peer_identity.h"
#include "server/wire.h"

namespace attune::server {
namespace {

using Type = WireReader::Type;

// Number of calls in a message; negative if it is none.
int CountCalls(std::string_view message) {
  int calls = 0;
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() != v1::StreamPromptsRequest::kCallsFieldNumber) continue;
    if (reader.type() != Type::kBytes) return -1;
    ++calls;
  }
  return reader.good() ? calls : -1;
}

}  // namespace

PromptStream::PromptStream(grpc::CallbackServerContext* context,
                           const PromptHandler* handler, Admission* admission,
                           CallerQuota* quota, Worker* lane, Metrics* metrics,
                           const tracing::Tracer* tracer)
    : context_(*context),
      handler_(*handler),
      admission_(*admission),
      quota_(*quota),
      lane_(*lane),
      metrics_(*metrics),
      tracer_(tracer),
      caller_(quota->limited()
                  ? PeerIdentity(*context->auth_context(), context->peer())
                  : "") {
  StartRead(&in_);
}

void PromptStream::OnReadDone(bool ok) {
  if (!ok) return End(absl::OkStatus());
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (finished_) return;
    answering_ = true;
  }
  if (admission_.IsQuick()) return Answer();
  lane_.Post([this] { Answer(); });
}

void PromptStream::Answer() {
  thread_local std::string scratch;
  thread_local std::string out;
  out.clear();
  absl::Status status = AnswerCalls(Flatten(in_, &scratch), &out);
  FillBuffer(out, &out_);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    answering_ = false;
    if (cancelled_) status = absl::CancelledError("cancelled");
    if (status.ok()) return StartWrite(&out_);
  }
  End(status);
}

absl::Status PromptStream::AnswerCalls(std::string_view message,
                                       std::string* out) {
  const int calls = CountCalls(message);
  if (calls < 0) {
    return absl::InvalidArgumentError(
        "the message is not a attune.v1.StreamPromptsRequest");
  }
  if (calls > kMaxCallsInMessage) {
    return absl::InvalidArgumentError(
        absl::StrCat("calls: at most ", kMaxCallsInMessage, " in a message"));
  }
  if (calls == 0) return absl::OkStatus();
  const absl::Status admitted = Admit(calls);
  const auto start = std::chrono::steady_clock::now();
  WireReader reader(message);
  WireWriter writer(out);
  while (reader.Next()) {
    if (reader.field() != v1::StreamPromptsRequest::kCallsFieldNumber) continue;
    writer.LongMessage(v1::StreamPromptsResponse::kResultsFieldNumber,
                       [&] { AnswerCall(reader.bytes(), admitted, out); });
  }
  if (admitted.ok()) {
    admission_.Leave(calls, std::chrono::steady_clock::now() - start);
  }
  return absl::OkStatus();
}

absl::Status PromptStream::Admit(int calls) {
  ATTUNE_ASSIGN_OR_RETURN(lease_, quota_.Enter(caller_, calls));
  return admission_.Enter(calls, TimeLeft(context_));
}

void PromptStream::AnswerCall(std::string_view call,
                              const absl::Status& admitted, std::string* out) {
  const CallSpan span =
      CallSpan::InStream(tracer_, context_, Method::kStreamPrompts);
  uint64_t call_id = 0;
  std::string_view request;
  WireReader reader(call);
  while (reader.Next()) {
    if (reader.field() == v1::PromptCall::kCallIdFieldNumber &&
        reader.type() == Type::kVarint) {
      call_id = reader.value();
    } else if (reader.field() == v1::PromptCall::kRequestFieldNumber &&
               reader.type() == Type::kBytes) {
      request = reader.bytes();
    }
  }
  WireWriter writer(out);
  writer.Number(v1::PromptResult::kCallIdFieldNumber, call_id);
  absl::Status status = admitted;
  if (!reader.good()) {
    status =
        absl::InvalidArgumentError("the call is not a attune.v1.PromptCall");
  }
  const size_t before = out->size();
  if (status.ok()) {
    writer.LongMessage(v1::PromptResult::kResponseFieldNumber, [&] {
      status = handler_.Answer(request, out, span.facts());
    });
  }
  metrics_.CountRequest(Method::kStreamPrompts, status);
  span.End(status);
  if (status.ok()) return;
  out->resize(before);
  writer.Element(v1::PromptResult::kStatusFieldNumber, DetailsOf(status));
}

void PromptStream::OnWriteDone(bool ok) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (finished_) return;
  lease_ = {};
  if (ok) return StartRead(&in_);
  lock.unlock();
  End(absl::CancelledError("the peer is gone"));
}

void PromptStream::OnCancel() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    cancelled_ = true;
    // Whoever answers still needs this object; it ends the stream.
    if (answering_) return;
  }
  End(absl::CancelledError("cancelled"));
}

void PromptStream::End(const absl::Status& status) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (finished_) return;
    finished_ = true;
  }
  Finish(ToGrpcStatus(status));
}

}  // namespace attune::server
