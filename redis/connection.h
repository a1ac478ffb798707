// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_REDIS_CONNECTION_H_
#define ATTUNE_REDIS_CONNECTION_H_

// One connection to Redis that comes back by itself. START HERE in redis/.
//
// Life cycle: the constructor connects to nothing; the first command does
// (handshake: AUTH, SELECT, PING). A connection that was lost, timed out or was
// answered with an error about itself (error.h: IsAboutConnection) is closed; the
// next command connects again, but not before next_attempt(): until then commands
// fail at once with the error that closed it. Nothing here sleeps, and no command
// is ever sent twice.
//
// A command blocks for at most connect_timeout + 2 command_timeout, plus what it
// may block by its own nature; resolving a host's name takes what the system's
// resolver takes.
//
// Errors are those of error.h. Not thread-safe; owned by one thread.
//
// Example:
//   Connection connection({.endpoint = endpoint});
//   ATTUNE_ASSIGN_OR_RETURN(Reply reply, connection.Run({"GET", key}));
//
//   // A connection of its own for what others announce:
//   ATTUNE_RETURN_IF_ERROR(listener.Subscribe("changes"));
//   ATTUNE_ASSIGN_OR_RETURN(auto message, listener.NextMessage(absl::Seconds(1)));

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "redis/backoff.h"
#include "redis/endpoint.h"
#include "redis/reply.h"

struct redisContext;
struct redisReply;

namespace attune::redis {

class Connection {
 public:
  struct Options {
    Endpoint endpoint;
    absl::Duration connect_timeout = absl::Seconds(1);
    absl::Duration command_timeout = absl::Seconds(2);
    Backoff::Options backoff = {};
    // The time; absl::Now if not set.
    std::function<absl::Time()> clock = {};
    // Uniform in [0, 1); a generator of the process if not set.
    std::function<double()> random = {};
  };
  // A command's name and arguments; each may be any bytes.
  using Args = absl::Span<const std::string_view>;

  explicit Connection(Options options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends the command and waits for its reply. `may_block` is the time that the
  // command itself asks Redis to wait (XREADGROUP BLOCK).
  absl::StatusOr<Reply> Run(Args args,
                            absl::Duration may_block = absl::ZeroDuration());

  // Sends all commands, then waits for all replies: one round trip. Not a
  // transaction: after an error reply, which is returned, the others were
  // executed all the same.
  absl::StatusOr<std::vector<Reply>> RunAll(
      absl::Span<const std::vector<std::string_view>> commands);

  // Runs a script with EVAL: atomic, and it either writes all it wants or, under
  // OOM and READONLY, nothing.
  absl::StatusOr<Reply> RunScript(std::string_view script, Args keys,
                                  Args args);

  // From now on the connection is good for NextMessage() only, until it is lost.
  absl::Status Subscribe(std::string_view channel);
  // The next message; nothing if none came in time. After an error: Subscribe()
  // again, and remember that messages were missed meanwhile.
  absl::StatusOr<std::optional<std::string>> NextMessage(absl::Duration wait);

  bool is_connected() const { return context_ != nullptr; }
  // Before this time no command tries to connect.
  absl::Time next_attempt() const { return backoff_.next(); }
  // Successful handshakes so far.
  int64_t connects() const { return connects_; }
  const Endpoint& endpoint() const { return options_.endpoint; }

  // Connects anew with this password from the next command on, at once.
  void SetPassword(std::string password);
  void Close();

 private:
  struct ContextDeleter {
    void operator()(redisContext* context) const;
  };

  absl::Status EnsureConnected();
  absl::Status Connect();
  absl::Status Handshake();
  // Appends to what is to be sent.
  void Append(Args args);
  absl::StatusOr<Reply> ReadReply();
  absl::StatusOr<Reply> FromHiredis(redisReply* reply) const;
  absl::Status SetTimeout(absl::Duration timeout);
  // What went wrong below, of a connection that is lost by that.
  absl::Status Lost(std::string_view what) const;
  // Closes and backs off if the outcome is an error about the connection; returns
  // the outcome.
  absl::Status Note(absl::Status outcome);

  Options options_;
  Backoff backoff_;
  std::unique_ptr<redisContext, ContextDeleter> context_;
  // What closed the connection.
  absl::Status last_error_;
  int64_t connects_ = 0;
};

}  // namespace attune::redis

#endif  // ATTUNE_REDIS_CONNECTION_H_
