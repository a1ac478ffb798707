// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_TRANSPORT_SECURITY_H_
#define ATTUNE_SERVER_TRANSPORT_SECURITY_H_

// How listeners are secured, from the settings: not at all, with TLS, or with
// TLS, clients' certificates and roles. Reads the files again every
// tls_reload_interval.
//
// Life cycle: Create() once, credentials() for each listener; the listeners may
// outlive it, but then nothing is read again. Thread-safe.

#include <grpcpp/security/server_credentials.h>
#include <prometheus/collectable.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/authorizer.h"
#include "server/config.h"

namespace attune::server {

// What a listener needs to know.
struct Transport {
  std::shared_ptr<grpc::ServerCredentials> credentials;
  // A connection lives at most so long, and what it still does then a little
  // longer; zero for any time.
  absl::Duration connection_age = absl::ZeroDuration();
  // Why the port must not meet strangers; null if it may.
  const char* exposure = nullptr;
};

class TransportSecurity {
 public:
  // kInvalidArgument or kNotFound, naming the setting, if the settings do not go
  // together or a file is not good at `clock()`, which must be thread-safe.
  static absl::StatusOr<std::unique_ptr<TransportSecurity>> Create(
      const ServerConfig& config, std::function<absl::Time()> clock);

  ~TransportSecurity();

  // For one or several listeners.
  Transport transport() const;
  // attune_tls_certificate_expiry_seconds, attune_tls_reload_failures_total and
  // attune_refused_calls_total, as far as they apply.
  std::vector<std::shared_ptr<prometheus::Collectable>> collectables() const;

 private:
  // What was read from the files.
  class Files;

  TransportSecurity(std::shared_ptr<Files> files,
                    std::shared_ptr<Authorizer> authorizer,
                    absl::Duration connection_age);
  void ReloadEvery(absl::Duration interval);

  // Null without TLS.
  const std::shared_ptr<Files> files_;
  // Null without clients' certificates.
  const std::shared_ptr<Authorizer> authorizer_;
  const absl::Duration connection_age_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;  // guarded by mutex_
  std::thread reloader_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_TRANSPORT_SECURITY_H_
