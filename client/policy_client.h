// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_POLICY_CLIENT_H_
#define ATTUNE_CLIENT_POLICY_CLIENT_H_

// Speaks to a server's control plane: pushes revisions and says which one
// serves. What the trainer and operators use.
//
// Create() once and copy freely: copies share one connection. The connection is
// made by the first call. Calls block, at most for the deadline each (30 s unless
// the options say another; each page of ListRevisions() is a call), but for
// PushRevision(), which has a timeout of its own, and WatchRevisions(), which has
// none. Every call is tried again on UNAVAILABLE and when the server says after
// what time, but Rollback(), which is not idempotent; a push goes on after
// UNAVAILABLE.
// Thread-safe.
//
// Example:
//   ATTUNE_ASSIGN_OR_RETURN(
//       PolicyClient client,
//       PolicyClient::Create({.target = "localhost:50052"}));
//   ATTUNE_ASSIGN_OR_RETURN(v1::PushRevisionResponse pushed,
//       client.PushRevision(bytes, {.activate = true}));

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attune/v1/policy_service.pb.h"
#include "client/options.h"

namespace attune::client {

// How far a push is. `sent_bytes` goes back when a broken stream lost some.
struct PushProgress {
  int64_t sent_bytes = 0;
  int64_t total_bytes = 0;
};

struct PushOptions {
  // Makes the revision active once the server has verified it.
  bool activate = false;
  // Approves the artifact, for a server with trusted keys. PushRevisionFile()
  // takes it from the artifact's .sig file, if there is one, when it is not set.
  std::optional<v1::RevisionSignature> signature = std::nullopt;
  // Size of a data message. 1 to 1 MiB.
  int64_t chunk_bytes = 512 * 1024;
  // Time for the whole push, all streams together.
  absl::Duration timeout = absl::Minutes(5);
  // Streams in a row that may break without a byte more being stored.
  int max_stalled_streams = 5;
  // Called on the caller's thread after each chunk; must not block for long.
  std::function<void(const PushProgress&)> on_progress = {};
};

class PolicyClient {
 public:
  // kInvalidArgument if the deadline is negative; kNotFound if a file of its
  // TlsOptions cannot be read. Does not connect.
  static absl::StatusOr<PolicyClient> Create(ClientOptions options = {});

  // Uploads an artifact. Goes on where an earlier push of the same bytes
  // stopped, also of another process; a broken stream is resumed.
  // kInvalidArgument, without asking the server, if the signature is of other
  // bytes.
  absl::StatusOr<v1::PushRevisionResponse> PushRevision(
      std::string_view artifact, const PushOptions& options = {}) const;
  // The same with the bytes of a file. kNotFound if it cannot be read;
  // kInvalidArgument if the .sig file beside it is no signature.
  absl::StatusOr<v1::PushRevisionResponse> PushRevisionFile(
      const std::string& path, const PushOptions& options = {}) const;

  // All pages, newest first.
  absl::StatusOr<std::vector<v1::Revision>> ListRevisions() const;
  absl::StatusOr<v1::Revision> GetRevision(
      const std::string& revision_id) const;
  // Returns the traffic from now on. What is not set is not in traffic any more.
  // `reason` is for the audit log; at most 256 bytes.
  absl::StatusOr<v1::Traffic> SetTraffic(const v1::Traffic& traffic,
                                         const std::string& reason = "") const;
  // Makes one revision serve everyone.
  absl::StatusOr<v1::Traffic> SetActive(const std::string& revision_id) const;
  // Ends the canary's trial or, without one, goes back to the revision before
  // the active one. Never tried again.
  absl::StatusOr<v1::Traffic> Rollback(const std::string& reason = "") const;
  // The traffic as it is: the first message of WatchRevisions.
  absl::StatusOr<v1::Traffic> GetTraffic() const;
  // Deletes a stored revision that is not in traffic. Tried again it may be
  // kNotFound though it was this call that deleted it.
  absl::Status DeleteRevision(const std::string& revision_id,
                              const std::string& reason = "") const;

  // Calls `each` with the traffic as it is and after each change, until `each`
  // returns false; then it is OK. Blocks meanwhile, without a deadline. A stream
  // that breaks is opened again and begins with the traffic as it is; the error
  // is returned if that does not work within the options' deadline and retries.
  absl::Status WatchRevisions(
      const std::function<bool(const v1::WatchRevisionsResponse&)>& each) const;

 private:
  struct Impl;
  explicit PolicyClient(std::shared_ptr<const Impl> impl);

  std::shared_ptr<const Impl> impl_;
};

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_POLICY_CLIENT_H_
