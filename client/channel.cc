// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/file.h"
#include "client/rpc_status.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

// A revision's whole manifest holds a catalog and golden vectors.
constexpr int kMaxReceiveBytes = 16 * 1024 * 1024;
constexpr int kInitialReconnectMillis = 100;
constexpr int kMaxReconnectMillis = 2000;

// Who asks for a part of TLS never gets a connection without it.
absl::Status CheckTls(const TlsOptions& tls) {
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    return absl::InvalidArgumentError(
        "tls: cert_file and key_file go together");
  }
  if (tls.ca_file.empty() &&
      !(tls.cert_file.empty() && tls.server_name.empty())) {
    return absl::InvalidArgumentError(
        "tls: cert_file and server_name need a ca_file");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    const TlsOptions& tls) {
  ATTUNE_RETURN_IF_ERROR(CheckTls(tls));
  if (tls.ca_file.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions ssl;
  ATTUNE_ASSIGN_OR_RETURN(ssl.pem_root_certs, ReadFile(tls.ca_file));
  if (!tls.cert_file.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(ssl.pem_cert_chain, ReadFile(tls.cert_file));
    ATTUNE_ASSIGN_OR_RETURN(ssl.pem_private_key, ReadFile(tls.key_file));
  }
  return grpc::SslCredentials(ssl);
}

// gRFC A6: a server that is overloaded says when to come again; below 0 means
// never.
void NotePushback(const grpc::ClientContext& context, absl::Status& status) {
  if (!absl::IsResourceExhausted(status)) return;
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("grpc-retry-pushback-ms");
  int64_t millis = -1;
  if (found == trailers.end() ||
      !absl::SimpleAtoi(
          absl::string_view(found->second.data(), found->second.size()),
          &millis) ||
      millis < 0) {
    return;
  }
  SetRetryAfter(absl::Milliseconds(millis), status);
}

}  // namespace

absl::StatusOr<ClientOptions> Complete(ClientOptions options,
                                       const char* default_target,
                                       absl::Duration default_deadline) {
  if (options.target.empty()) options.target = default_target;
  if (options.deadline < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("deadline: must be at least 0");
  }
  if (options.deadline == absl::ZeroDuration()) {
    options.deadline = default_deadline;
  }
  const RetryOptions& retry = options.retry;
  if (retry.max_attempts < 1) {
    return absl::InvalidArgumentError("retry.max_attempts: must be at least 1");
  }
  if (!(retry.multiplier >= 1.0)) {
    return absl::InvalidArgumentError("retry.multiplier: must be at least 1");
  }
  if (!(retry.jitter >= 0.0 && retry.jitter <= 1.0)) {
    return absl::InvalidArgumentError("retry.jitter: must be in [0, 1]");
  }
  options.clock = options.clock.OrReal();
  return options;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(
    const ClientOptions& options) {
  ATTUNE_ASSIGN_OR_RETURN(auto credentials, MakeCredentials(options.tls));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   kInitialReconnectMillis);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kMaxReconnectMillis);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMillis);
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  if (!options.tls.server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.tls.server_name);
  }
  return grpc::CreateCustomChannel(options.target, credentials, arguments);
}

void SetDeadline(absl::Time deadline, grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(deadline));
}

absl::Status CallUnary(
    const ClientOptions& options, const RetryOptions& retry,
    const std::function<grpc::Status(grpc::ClientContext&)>& call) {
  const absl::Time deadline = options.clock.now() + options.deadline;
  return CallWithRetry(retry, options.clock, deadline,
                       [&](absl::Time until) -> absl::Status {
                         grpc::ClientContext context;
                         SetDeadline(until, context);
                         absl::Status status = FromGrpcStatus(call(context));
                         NotePushback(context, status);
                         return status;
                       });
}

}  // namespace attune::client
