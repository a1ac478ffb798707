// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TESTING_REDIS_PROCESS_H_
#define ATTUNE_TESTS_TESTING_REDIS_PROCESS_H_

// The real redis-server on a loopback port and a directory of its own, to be
// killed, stopped, filled and started again.
//
// It runs after construction, or the program aborts and says why. Without
// `appendonly` a killed one has forgotten everything. Not thread-safe; owned by
// one thread.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "redis/connection.h"

namespace attune::testing {

class RedisProcess {
 public:
  // `settings` as on redis-server's command line: {"--appendonly", "yes"}.
  explicit RedisProcess(std::vector<std::string> settings = {});
  ~RedisProcess();
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  int port() const { return port_; }
  // "redis://127.0.0.1:<port>/0"
  std::string url() const;
  redis::Endpoint endpoint() const;
  // Connects without a password.
  redis::Connection::Options options() const {
    return {.endpoint = endpoint()};
  }

  // kill -9, and waits for its end.
  void Kill();
  // On the same port and directory. REQUIRES: it was killed.
  void Start();
  // SIGSTOP and SIGCONT: connections are taken, nothing is answered.
  void Pause();
  void Resume();
  // Runs a command, such as {"CONFIG", "SET", "maxmemory", "1mb"}. The program
  // aborts if Redis refuses.
  redis::Reply Run(const std::vector<std::string>& args);

 private:
  void AwaitAnswer();

  const std::vector<std::string> settings_;
  std::string directory_;
  int port_ = 0;
  pid_t pid_ = -1;
  std::unique_ptr<redis::Connection> admin_;
};

// A loopback port on which nobody listens just now.
int FreePort();

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TESTING_REDIS_PROCESS_H_
