// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_OPTIONS_H_
#define ATTUNE_CLIENT_OPTIONS_H_

// How a client reaches a server and how long it is patient.

#include <string>

#include "absl/time/time.h"
#include "client/retry.h"

namespace attune::client {

inline constexpr char kDefaultServerTarget[] = "127.0.0.1:50051";
inline constexpr char kDefaultControlTarget[] = "127.0.0.1:50052";

// How a connection is secured. All are PEM files, read once by Create(): a
// caller whose certificate was renewed makes a new client.
struct TlsOptions {
  // The certificates to trust. Empty means a connection without TLS: for
  // loopback and for networks that encrypt by themselves only.
  std::string ca_file = {};
  // The caller's own certificate (with intermediate ones) and its key, for a
  // server that asks for one. Both or none.
  std::string cert_file = {};
  std::string key_file = {};
  // The name that the server's certificate must have; empty: the target's host.
  std::string server_name = {};
};

struct ClientOptions {
  // Target in gRPC's syntax: "host:port", "dns:///name:port", "unix:/path". The
  // environment's HTTP proxies are not used.
  // Empty means the default of the client's plane, given above.
  std::string target = {};
  // Time for one call with all its retries. Zero means the client's default: 2 s
  // for PromptClient, 30 s for PolicyClient, 2 minutes for LogClient. A push has
  // PushOptions::timeout instead; PolicyClient::WatchRevisions has no deadline.
  absl::Duration deadline = absl::ZeroDuration();
  RetryOptions retry = {};
  TlsOptions tls = {};
  // For tests.
  Clock clock = {};
};

// What one call says beside its request: the trace that it belongs to, in W3C
// Trace Context's words. Empty: none.
struct CallOptions {
  std::string traceparent = {};
  std::string tracestate = {};
};

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_OPTIONS_H_
