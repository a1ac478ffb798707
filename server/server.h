// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_SERVER_H_
#define ATTUNE_SERVER_SERVER_H_

// The running server: its listeners over one registry of revisions.
//
// Life cycle: Start() loads what is stored and listens; Shutdown() once; then
// the destructor. The destructor shuts down by itself if nobody did.
// Thread-safe.

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/config.h"

namespace attune::server {

struct ServerPorts {
  int data = 0;
  int control = 0;
  int metrics = 0;
  // 0 where there is none.
  int health = 0;
  int console = 0;
};

class Server {
 public:
  struct Options {
    ServerConfig config;
    // The time; absl::Now if not set. Thread-safe.
    std::function<absl::Time()> clock;
  };

  // Blocks until all listen. Fails if a setting is unusable, a port is
  // taken, or the revision directory cannot be written.
  static absl::StatusOr<std::unique_ptr<Server>> Start(Options options);

  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const ServerPorts& ports() const;

  // Says NOT_SERVING, waits for drain_delay, refuses new calls, gives those
  // under way shutdown_deadline, cancels the rest, writes what waits for the
  // decision log. Blocks.
  void Shutdown();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_SERVER_H_
