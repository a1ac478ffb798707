// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_ACCEPTOR_H_
#define ATTUNE_SERVER_ACCEPTOR_H_

// Accepts connections within limits and hands them over. It is there in the
// place of gRPC's own accept loop, which stops for good at the first connection
// for which there is no file descriptor, and counts nothing.
//
// A connection above a limit is accepted and reset at once, so the port is never
// deaf. So is one for which there is no descriptor: one is kept in reserve for
// that. The end of a connection is seen on a duplicate of its descriptor, so
// each takes two (docs/adr/2026-11-30-own-acceptor.md).
//
// Life cycle: Start(); the destructor stops to listen and joins, and leaves
// alone what was handed over. One thread, which sleeps while nobody comes or
// goes. Thread-safe.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/connection_counts.h"
#include "server/listening_socket.h"
#include "server/unique_fd.h"

namespace attune::server {

// What became of the connections of one listener. Thread-safe.
struct ConnectionStats {
  std::atomic<int64_t> accepted = 0;
  std::atomic<int64_t> refused_total = 0;
  std::atomic<int64_t> refused_address = 0;
  std::atomic<int64_t> refused_descriptors = 0;
  std::atomic<int64_t> open = 0;
};

class Acceptor {
 public:
  struct Options {
    // Its listener's setting, for the log.
    std::string setting;
    int max_connections = 4096;
    // 0 for no limit.
    int max_connections_per_address = 0;
    // Takes over the second descriptor, a connection that the first, a listening
    // socket, accepted. Must shut it down before it closes it. Called on the
    // acceptor's thread.
    std::function<void(int listener, int connection)> hand_over;
    // Must outlive the acceptor.
    ConnectionStats* stats = nullptr;
  };

  // kResourceExhausted if there are too few descriptors to begin with.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Start(
      ListeningSockets sockets, Options options);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

 private:
  Acceptor(ListeningSockets sockets, Options options);
  absl::Status Prepare();

  // Everything below runs on thread_.
  void Run();
  bool IsListener(int fd) const;
  // Accepts what waits, but not more than a batch of it.
  void AcceptFrom(int listener);
  // Admits the connection, or refuses it. Owns it.
  void Admit(int listener, UniqueFd connection, const AddressKey& address);
  void Refuse(UniqueFd connection, std::atomic<int64_t>* counter);
  // Accepts with the reserve, and refuses. False if even that failed.
  bool RefuseWithReserve(int listener);
  void Ended(int watched);
  // Leaves who comes in the kernel's queue for a moment, then goes on.
  void Pause();
  void Resume();
  void LogRefusals();

  const Options options_;
  const std::vector<UniqueFd> listeners_;
  UniqueFd epoll_;
  UniqueFd stop_;
  std::atomic<bool> stopping_ = false;

  // The thread's own.
  UniqueFd reserve_;
  bool paused_ = false;
  ConnectionCounts counts_;
  // By the duplicate that tells when they end.
  std::unordered_map<int, AddressKey> connections_;
  int64_t next_logged_ = 1;

  std::thread thread_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_ACCEPTOR_H_
