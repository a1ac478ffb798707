// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_REVISION_STORE_H_
#define ATTUNE_SERVER_REVISION_STORE_H_

// The directory that keeps revisions across restarts:
//   <revision id>.attune     an artifact, verified before it got this name
//   <revision id>.sig        its signature, if the server has trusted keys
//   numbers.json             which numbers were accepted (signature_gate.h)
//   incoming/<digest>.part   an unfinished push (upload.h)
//   state.json               the traffic: the activations, the last one active,
//                            canary and shadow
//   audit.jsonl              who changed it (audit_log.h)
//
// Every method blocks on the disk. Thread-compatible: const methods may run
// concurrently; changes must be serialised by the caller.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attune/v1/revision_signature.pb.h"
#include "policy/revision.h"
#include "server/signature_gate.h"
#include "server/traffic_rule.h"

namespace attune::server {

struct StoredRevision {
  std::shared_ptr<const policy::Revision> revision;
  // When the server accepted it.
  absl::Time push_time;
  // What it was accepted with, by a server that has trusted keys.
  std::optional<v1::RevisionSignature> signature = std::nullopt;
};

class RevisionStore {
 public:
  // Makes the directories if need be.
  static absl::StatusOr<RevisionStore> Open(std::string directory);

  // Loads and verifies every revision that the gate lets serve, oldest first. A
  // file that fails is logged and left alone. With a closed gate receipts do not
  // count: a signature holds for bytes that were read.
  std::vector<StoredRevision> LoadAll(const SignatureGate& gate) const;

  // Keeps a revision that was loaded from `part_path`. With a signature, that is
  // there before the artifact is. It was pushed when the file was written, if not
  // another time is given.
  absl::StatusOr<StoredRevision> Install(
      const std::string& part_path,
      std::shared_ptr<const policy::Revision> revision,
      std::optional<v1::RevisionSignature> signature,
      std::optional<absl::Time> push_time = std::nullopt) const;

  // Replaces the signature of a stored artifact.
  absl::Status WriteSignature(const std::string& id,
                              const v1::RevisionSignature& signature) const;

  // Deletes a stored artifact's file, its signature and its receipt.
  absl::Status Remove(const std::string& id) const;

  // Empty if there never was one. kDataLoss if the file is unreadable.
  absl::StatusOr<TrafficState> ReadState() const;
  absl::Status WriteState(const TrafficState& state) const;

  // The file of a stored artifact.
  std::string ArtifactPath(const std::string& id) const;
  std::string AuditPath() const { return directory_ + "/audit.jsonl"; }
  std::string NumbersPath() const { return directory_ + "/numbers.json"; }

  // Where unfinished pushes are kept.
  std::string IncomingDirectory() const;

 private:
  explicit RevisionStore(std::string directory);
  std::string PathOf(const std::string& id, const char* extension) const;

  std::string directory_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_REVISION_STORE_H_
