// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/push.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/channel.h"
#include "client/rpc_status.h"
#include "policy/digest.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

constexpr int64_t kMaxChunkBytes = 1024 * 1024;

// One artifact on its way.
class Upload {
 public:
  Upload(v1::PolicyService::StubInterface& stub, const ClientOptions& client,
         std::string_view artifact, const PushOptions& options)
      : stub_(stub),
        client_(client),
        artifact_(artifact),
        options_(options),
        digest_(policy::Sha256Hex(artifact)),
        deadline_(client.clock.now() + options.timeout) {}

  absl::StatusOr<v1::PushRevisionResponse> Run() {
    if (options_.signature.has_value() &&
        options_.signature->digest() != digest_) {
      return absl::InvalidArgumentError(
          "signature: of another artifact; sign this one");
    }
    int stalled = 0;
    int64_t furthest = -1;
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const int64_t offset, AskOffset());
      stalled = offset > furthest ? 0 : stalled + 1;
      furthest = std::max(furthest, offset);
      v1::PushRevisionResponse response;
      const absl::Status status = Stream(offset, response);
      if (status.ok()) return response;
      if (!IsResumable(status)) return status;
      if (stalled >= options_.max_stalled_streams - 1) return status;
      ATTUNE_RETURN_IF_ERROR(Wait(stalled + 1, status));
      resumed_ = true;
    }
  }

 private:
  // Bytes that the server has.
  absl::StatusOr<int64_t> AskOffset() {
    v1::GetPushOffsetRequest request;
    request.set_digest(digest_);
    v1::GetPushOffsetResponse response;
    ATTUNE_RETURN_IF_ERROR(CallWithRetry(
        client_.retry, client_.clock, deadline_, [&](absl::Time until) {
          grpc::ClientContext context;
          SetDeadline(std::min(until, client_.clock.now() + client_.deadline),
                      context);
          return FromGrpcStatus(
              stub_.GetPushOffset(&context, request, &response));
        }));
    if (response.complete()) return TotalBytes();
    if (response.offset() < 0 || response.offset() > TotalBytes()) {
      return absl::InternalError(
          "offset: the server's answer is not within the artifact");
    }
    return response.offset();
  }

  // One stream from `offset`. Returns how it ended.
  absl::Status Stream(int64_t offset, v1::PushRevisionResponse& response) {
    grpc::ClientContext context;
    SetDeadline(deadline_, context);
    const auto writer = stub_.PushRevision(&context, &response);
    // A failed write means that the server has ended the stream, well or not:
    // Finish() says which.
    if (SendHeader(offset, *writer)) SendData(offset, *writer);
    return FromGrpcStatus(writer->Finish());
  }

  using Writer = grpc::ClientWriterInterface<v1::PushRevisionRequest>;

  bool SendHeader(int64_t offset, Writer& writer) {
    v1::PushRevisionRequest request;
    v1::PushRevisionHeader& header = *request.mutable_header();
    header.set_digest(digest_);
    header.set_byte_size(TotalBytes());
    header.set_offset(offset);
    header.set_activate(options_.activate);
    if (options_.signature.has_value()) {
      *header.mutable_signature() = *options_.signature;
    }
    return writer.Write(request);
  }

  void SendData(int64_t offset, Writer& writer) {
    v1::PushRevisionRequest request;
    Report(offset);
    while (offset < TotalBytes()) {
      const std::string_view chunk =
          artifact_.substr(offset, options_.chunk_bytes);
      request.set_data(chunk.data(), chunk.size());
      if (!writer.Write(request)) return;
      offset += static_cast<int64_t>(chunk.size());
      Report(offset);
    }
    writer.WritesDone();
  }

  // ABORTED and OUT_OF_RANGE follow a broken stream whose other half the server
  // is not done with; a first stream that meets them has a rival.
  bool IsResumable(const absl::Status& status) const {
    if (IsRetryable(status)) return true;
    return resumed_ && (absl::IsAborted(status) || absl::IsOutOfRange(status));
  }

  // Backs off; `last` if the deadline comes first.
  absl::Status Wait(int attempt, const absl::Status& last) const {
    const absl::Duration wait =
        Backoff(client_.retry, attempt, client_.clock.random());
    if (client_.clock.now() + wait >= deadline_) return last;
    client_.clock.sleep(wait);
    return absl::OkStatus();
  }

  void Report(int64_t sent) const {
    if (options_.on_progress) options_.on_progress({sent, TotalBytes()});
  }

  int64_t TotalBytes() const { return static_cast<int64_t>(artifact_.size()); }

  v1::PolicyService::StubInterface& stub_;
  const ClientOptions& client_;
  const std::string_view artifact_;
  const PushOptions& options_;
  const std::string digest_;
  const absl::Time deadline_;
  bool resumed_ = false;
};

}  // namespace

absl::StatusOr<v1::PushRevisionResponse> Push(
    v1::PolicyService::StubInterface& stub, const ClientOptions& client,
    std::string_view artifact, const PushOptions& options) {
  if (artifact.empty()) {
    return absl::InvalidArgumentError("artifact: must have at least 1 byte");
  }
  if (options.chunk_bytes < 1 || options.chunk_bytes > kMaxChunkBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk_bytes: must be in [1, ", kMaxChunkBytes, "]"));
  }
  if (options.max_stalled_streams < 1) {
    return absl::InvalidArgumentError(
        "max_stalled_streams: must be at least 1");
  }
  return Upload(stub, client, artifact, options).Run();
}

}  // namespace attune::client
