// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CONNECTION_LIMITS_H_
#define ATTUNE_SERVER_CONNECTION_LIMITS_H_

// What peers may take of a listener, from the settings and from what the
// process may open. Pure functions but for DescriptorLimit(); safe to call from
// any thread.

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/config.h"

namespace attune::server {

struct ConnectionLimits {
  int max_connections = 1;
  // 0 for no limit.
  int max_connections_per_address = 0;
  // Calls under way on one connection.
  int max_streams = 1;
  // From the first byte to the end of the handshake.
  absl::Duration handshake_timeout = absl::Seconds(3);
  // Of a connection without calls; 0 for none.
  absl::Duration idle_timeout = absl::ZeroDuration();
  // After which a connection is asked to end; 0 for never.
  absl::Duration max_connection_age = absl::ZeroDuration();
};

// Of the data listener. Fewer connections than the setting says, and a warning
// in the log, if `descriptors` do not suffice. kInvalidArgument names a setting
// that does not do.
absl::StatusOr<ConnectionLimits> DataLimits(const ServerConfig& config,
                                            int64_t descriptors);

// Of the control listener: few connections, so that these are there whatever
// happens to the data listener, and no age, for those who watch.
ConnectionLimits ControlLimits(const ServerConfig& config);

// How many files the process may have open at present.
int64_t DescriptorLimit();

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CONNECTION_LIMITS_H_
