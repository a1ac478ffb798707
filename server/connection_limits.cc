// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/connection_limits.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "server/log.h"

namespace attune::server {
namespace {

// Of the connection, and of what tells its end (acceptor.h).
constexpr int64_t kDescriptorsPerConnection = 2;
// Watchers (at most 64), trainers, operators, health checks.
constexpr int kControlConnections = 128;
constexpr int kControlStreams = 16;
// Files, sockets of the metrics, pushes, and the control connections.
constexpr int64_t kOtherDescriptors =
    256 + kDescriptorsPerConnection * kControlConnections;
// However few descriptors there are: some connections, and the acceptor copes.
constexpr int64_t kFewConnections = 8;

int ToInt(int64_t number) {
  return static_cast<int>(
      std::min<int64_t>(number, std::numeric_limits<int>::max()));
}

}  // namespace

absl::StatusOr<ConnectionLimits> DataLimits(const ServerConfig& config,
                                            int64_t descriptors) {
  if (config.handshake_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("handshake_timeout: must be more than 0");
  }
  const int64_t possible =
      std::max(kFewConnections,
               (descriptors - kOtherDescriptors) / kDescriptorsPerConnection);
  if (possible < config.max_connections) {
    Log(LogLevel::kWarning,
        "max_connections is lower than set: too few file descriptors",
        {{"max_connections", possible},
         {"set", config.max_connections},
         {"descriptors", descriptors}});
  }
  return ConnectionLimits{ToInt(std::min(possible, config.max_connections)),
                          ToInt(config.max_connections_per_address),
                          ToInt(config.max_streams),
                          config.handshake_timeout,
                          config.idle_timeout,
                          config.max_connection_age};
}

ConnectionLimits ControlLimits(const ServerConfig& config) {
  return {.max_connections = kControlConnections,
          .max_streams = kControlStreams,
          .handshake_timeout = config.handshake_timeout,
          .idle_timeout = config.idle_timeout};
}

int64_t DescriptorLimit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<int64_t>(
      std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<int64_t>::max()));
}

}  // namespace attune::server
