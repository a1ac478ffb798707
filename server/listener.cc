// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/listener.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <climits>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "policy/status_macros.h"
#include "server/listening_socket.h"
#include "server/log.h"

namespace attune::server {
namespace {

constexpr size_t kMemoryQuotaBytes = size_t{512} << 20;
// For the calls of a connection that was asked to end.
constexpr absl::Duration kAgeGrace = absl::Seconds(30);
constexpr absl::Duration kKeepalive = absl::Seconds(60);
// A peer that does not answer a ping, or take what was sent, for so long is gone.
constexpr absl::Duration kUnacknowledged = absl::Seconds(10);
constexpr int kMaxMetadataBytes = 8192;

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(
      std::min<int64_t>(absl::ToInt64Milliseconds(duration), INT_MAX));
}

// 0 is none.
int MillisecondsOrNone(absl::Duration duration) {
  return duration == absl::ZeroDuration() ? INT_MAX : Milliseconds(duration);
}

// The one that ends first, where 0 is never.
absl::Duration Shorter(absl::Duration a, absl::Duration b) {
  if (a == absl::ZeroDuration()) return b;
  return b == absl::ZeroDuration() ? a : std::min(a, b);
}

// Debian's gRPC 1.51 has no fix since 2022; these are the limits that it has.
void Harden(const ConnectionLimits& limits, const Transport& transport,
            grpc::ServerBuilder* builder) {
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  grpc::ResourceQuota quota("attune");
  quota.Resize(kMemoryQuotaBytes);
  builder->SetResourceQuota(quota);
  const std::pair<const char*, int> arguments[] = {
      {"grpc.max_concurrent_streams", limits.max_streams},
      {"grpc.max_metadata_size", kMaxMetadataBytes},
      {"grpc.server_handshake_timeout_ms",
       Milliseconds(limits.handshake_timeout)},
      {"grpc.max_connection_idle_ms", MillisecondsOrNone(limits.idle_timeout)},
      {"grpc.max_connection_age_ms",
       MillisecondsOrNone(
           Shorter(limits.max_connection_age, transport.connection_age))},
      {"grpc.max_connection_age_grace_ms", Milliseconds(kAgeGrace)},
      {"grpc.keepalive_time_ms", Milliseconds(kKeepalive)},
      {"grpc.keepalive_timeout_ms", Milliseconds(kUnacknowledged)},
      {"grpc.http2.min_ping_interval_without_data_ms", 30000},
      {"grpc.http2.max_ping_strikes", 2},
  };
  for (const auto& [name, value] : arguments) {
    builder->AddChannelArgument(name, value);
  }
}

void EnablePlugins() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

void WarnIfExposed(const std::string& setting, const std::string& address,
                   const char* exposure) {
  if (exposure == nullptr || absl::StartsWith(address, "127.") ||
      absl::StartsWith(address, "localhost:") ||
      absl::StartsWith(address, "[::1]:")) {
    return;
  }
  Log(LogLevel::kWarning,
      absl::StrCat("listening beyond this machine: ", exposure),
      {{"setting", setting}, {"address", address}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Start(Options options) {
  EnablePlugins();
  // Before gRPC starts, which is left alone if the address is taken.
  auto sockets = ListenOn(options.address, kUnacknowledged);
  if (!sockets.ok()) {
    return absl::Status(
        sockets.status().code(),
        absl::StrCat(options.setting, ": cannot listen on ", options.address,
                     ": ", sockets.status().message()));
  }
  std::unique_ptr<Listener> listener(new Listener);
  listener->port_ = sockets->port;
  grpc::ServerBuilder builder;
  Harden(options.limits, options.transport, &builder);
  builder.SetMaxReceiveMessageSize(options.max_receive_bytes);
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  listener->external_ = builder.experimental().AddExternalConnectionAcceptor(
      Type::FROM_FD, options.transport.credentials);
  for (const Named& service : options.services) {
    builder.RegisterService(service.service);
  }
  listener->server_ = builder.BuildAndStart();
  if (listener->server_ == nullptr) {
    return absl::UnavailableError(
        absl::StrCat(options.setting, ": gRPC does not start"));
  }
  ATTUNE_ASSIGN_OR_RETURN(
      listener->acceptor_,
      Acceptor::Start(*std::move(sockets), listener->AcceptorOptions(options)));
  WarnIfExposed(options.setting, options.address, options.transport.exposure);
  for (const Named& service : options.services) {
    listener->SetServing(service.name, true);
  }
  return listener;
}

Acceptor::Options Listener::AcceptorOptions(const Options& options) {
  return {
      options.setting, options.limits.max_connections,
      options.limits.max_connections_per_address,
      [external = external_.get()](int listener, int connection) {
        grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
            parameters;
        parameters.listener_fd = listener;
        parameters.fd = connection;
        external->HandleNewConnection(&parameters);
      },
      options.stats};
}

void Listener::SetServing(const std::string& name, bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(name, serving);
}

void Listener::StopServing() { server_->GetHealthCheckService()->Shutdown(); }

void Listener::Shutdown(absl::Time deadline) {
  acceptor_.reset();
  server_->Shutdown(absl::ToChronoTime(deadline));
  server_->Wait();
}

}  // namespace attune::server
