// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_SIGNATURE_GATE_H_
#define ATTUNE_SERVER_SIGNATURE_GATE_H_

// Which artifacts a server with trusted keys lets in, and which of those on its
// disk it serves. Without keys the gate is open: everything passes, signatures are
// not looked at.
//
// Open() reads the numbers that were accepted. A push is checked before its bytes
// are taken and once more when they are complete; Accept() makes its number count,
// on the disk, before the artifact is stored. At start CheckStored() says of
// each artifact whether it may serve.
//
// Blocks on the disk. Thread-compatible: const methods may run concurrently.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attune/v1/revision_signature.pb.h"
#include "policy/revision.h"
#include "policy/revision_signature.h"
#include "server/revision_numbers.h"

namespace attune::server {

// What a push says about itself.
struct PushClaims {
  std::string digest;
  std::optional<v1::RevisionSignature> signature = std::nullopt;
  // Whether it shall be made active.
  bool activate = false;
};

class SignatureGate {
 public:
  // Open to everything if there are no keys. kDataLoss if the file of the numbers
  // is damaged: it must not give whoever damaged it a fresh start.
  static absl::StatusOr<SignatureGate> Open(
      std::optional<policy::TrustedKeys> keys, std::string numbers_path);

  // Whether artifacts need signatures.
  bool is_closed() const { return keys_.has_value(); }

  // Whether a push is let in. `accepted_as` is the number of these very bytes if
  // they are stored; `activates` says whether it would change what is active.
  // kPermissionDenied with reason UNSIGNED, KEY_NOT_TRUSTED or SIGNATURE_INVALID;
  // kFailedPrecondition as CheckNumber.
  absl::Status CheckPush(const PushClaims& claims,
                         std::optional<int64_t> accepted_as,
                         bool activates) const;

  // Whether an artifact that another server took may be taken: its signature must
  // be as good as a push's. Its number need not be new: it was when it was pushed,
  // and servers learn of two pushes in any order. The errors of CheckPush.
  absl::Status CheckFollowed(const PushClaims& claims) const;

  // Whether a stored artifact with this signature may serve. kPermissionDenied
  // if the signature is no good, or its number was never accepted.
  absl::Status CheckStored(const v1::RevisionSignature& signature) const;

  // Makes the numbers of signatures that passed count from now on. Those that
  // are not the highest change nothing. Any error of the disk, and then nothing
  // has changed.
  absl::Status Accept(const std::vector<v1::RevisionSignature>& signatures);

  // Whether no number was ever accepted here: what is stored with good
  // signatures then makes the first ones.
  bool is_new() const { return is_new_; }

 private:
  absl::Status CheckSignature(const v1::RevisionSignature& signature) const;
  // That there is one, good and of this artifact.
  absl::Status CheckClaims(const PushClaims& claims) const;

  // Nothing if the gate is open.
  std::optional<policy::TrustedKeys> keys_;
  std::string numbers_path_;
  bool is_new_ = true;
  RevisionNumbers numbers_;
};

// Whether the signature is about this artifact. kPermissionDenied if not.
absl::Status CheckSigned(const v1::RevisionSignature& signature,
                         const policy::Revision& revision);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_SIGNATURE_GATE_H_
