// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_REDIS_ENDPOINT_H_
#define ATTUNE_REDIS_ENDPOINT_H_

// Where Redis is and who we are to it.
//
// Plain value and pure functions; safe to call from any thread.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace attune::redis {

struct Endpoint {
  std::string host;
  int port = 6379;
  // Empty: the user `default`.
  std::string user;
  // Empty: none is sent.
  std::string password;
  int database = 0;

  // host:port/database: everything but who we are, for logs and errors.
  std::string Name() const;
};

// Parses "redis://[user[:password]@]host[:port][/database]"; the user may be empty,
// user and password may be percent-encoded, an IPv6 host is in brackets. kInvalidArgument says what is
// wrong and never repeats user or password; "rediss://" is one such error, since
// Debian 12's hiredis has no TLS.
absl::StatusOr<Endpoint> ParseUrl(std::string_view url);

// The URL without user and password; any text is taken.
std::string WithoutPassword(std::string_view url);

}  // namespace attune::redis

#endif  // ATTUNE_REDIS_ENDPOINT_H_
