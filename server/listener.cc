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
#include "server/log.h"

namespace attune::server {
namespace {

constexpr size_t kMemoryQuotaBytes = size_t{512} << 20;
// For calls under way on a connection that has reached its age.
constexpr int kConnectionAgeGraceMillis = 30000;

// Debian's gRPC 1.51 has no fix since 2022; these are the limits that it has.
void Harden(int max_streams, grpc::ServerBuilder* builder) {
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  grpc::ResourceQuota quota("attune");
  quota.Resize(kMemoryQuotaBytes);
  builder->SetResourceQuota(quota);
  const std::pair<const char*, int> arguments[] = {
      {"grpc.max_concurrent_streams", max_streams},
      {"grpc.max_metadata_size", 8192},
      {"grpc.server_handshake_timeout_ms", 3000},
      {"grpc.max_connection_idle_ms", 300000},
      {"grpc.keepalive_time_ms", 60000},
      {"grpc.keepalive_timeout_ms", 10000},
      {"grpc.http2.min_ping_interval_without_data_ms", 30000},
      {"grpc.http2.max_ping_strikes", 2},
      // Two processes must not share a port without noticing.
      {"grpc.so_reuseport", 0},
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

// What has come by then ends at a moment that gRPC chooses within a tenth.
void LimitAge(absl::Duration age, grpc::ServerBuilder* builder) {
  if (age <= absl::ZeroDuration()) return;
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                              static_cast<int>(std::min<int64_t>(
                                  absl::ToInt64Milliseconds(age), INT_MAX)));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                              kConnectionAgeGraceMillis);
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
  std::unique_ptr<Listener> listener(new Listener);
  grpc::ServerBuilder builder;
  Harden(options.max_streams, &builder);
  builder.SetMaxReceiveMessageSize(options.max_receive_bytes);
  LimitAge(options.transport.connection_age, &builder);
  builder.AddListeningPort(options.address, options.transport.credentials,
                           &listener->port_);
  for (const Named& service : options.services) {
    builder.RegisterService(service.service);
  }
  listener->server_ = builder.BuildAndStart();
  if (listener->server_ == nullptr || listener->port_ == 0) {
    return absl::UnavailableError(
        absl::StrCat(options.setting, ": cannot listen on ", options.address));
  }
  WarnIfExposed(options.setting, options.address, options.transport.exposure);
  for (const Named& service : options.services) {
    listener->SetServing(service.name, true);
  }
  return listener;
}

void Listener::SetServing(const std::string& name, bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(name, serving);
}

void Listener::StopServing() { server_->GetHealthCheckService()->Shutdown(); }

void Listener::Shutdown(absl::Time deadline) {
  server_->Shutdown(absl::ToChronoTime(deadline));
  server_->Wait();
}

}  // namespace attune::server
