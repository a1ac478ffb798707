// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_AUTHORIZER_H_
#define ATTUNE_SERVER_AUTHORIZER_H_

// Says of each call, before anything else sees it, whether its caller may make
// it: by the names in the caller's certificate, their roles, and the role table.
// Counts what it refuses. Thread-safe.

#include <prometheus/collectable.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/roles.h"

namespace attune::server {

// What a connection's handshake proved.
struct PeerNames {
  // Whether it has a certificate that a CA of ours signed.
  bool certified = false;
  // The certificate's subject alternative names.
  std::vector<std::string_view> names;
};

class Authorizer : public prometheus::Collectable {
 public:
  // Calls `roles` at every call that needs one; it must be thread-safe.
  explicit Authorizer(std::function<std::shared_ptr<const Roles>()> roles);

  // `path` as in HTTP/2's :path. kUnauthenticated without a certificate;
  // kPermissionDenied if no role of the caller may call it. The message begins
  // with a reason: CERTIFICATE_MISSING, ROLE_MISSING, METHOD_NOT_IN_ROLE_TABLE.
  absl::Status Authorize(std::string_view path, const PeerNames& peer);

  // attune_refused_calls_total{code,method}.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Refusals {
    std::atomic<int64_t> unauthenticated = 0;
    std::atomic<int64_t> denied = 0;
  };

  const std::function<std::shared_ptr<const Roles>()> roles_;
  // By the row of the role table; the last one is of everything else.
  std::vector<Refusals> refusals_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_AUTHORIZER_H_
