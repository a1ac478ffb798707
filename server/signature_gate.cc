// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/signature_gate.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "server/error_reason.h"
#include "server/file_io.h"

namespace attune::server {
namespace {

constexpr int64_t kMaxNumbersBytes = 1 << 20;

absl::Status Refused(const char* why, const char* reason) {
  return WithReason(
      absl::PermissionDeniedError(absl::StrCat("header.signature", why)),
      reason);
}

absl::Status Invalid(const char* why) {
  return Refused(why, "SIGNATURE_INVALID");
}

HighestNumber HighestOf(const RevisionNumbers& numbers,
                        const std::string& policy) {
  const auto found = numbers.find(policy);
  return found == numbers.end() ? HighestNumber() : found->second;
}

}  // namespace

absl::StatusOr<SignatureGate> SignatureGate::Open(
    std::optional<policy::TrustedKeys> keys, std::string numbers_path) {
  SignatureGate gate;
  gate.keys_ = std::move(keys);
  gate.numbers_path_ = std::move(numbers_path);
  if (!gate.is_closed()) return gate;
  const auto bytes = ReadSmallFile(gate.numbers_path_, kMaxNumbersBytes);
  if (absl::IsNotFound(bytes.status())) return gate;
  ATTUNE_RETURN_IF_ERROR(bytes.status());
  gate.is_new_ = false;
  ATTUNE_ASSIGN_OR_RETURN(gate.numbers_, ParseNumbers(*bytes));
  return gate;
}

absl::Status SignatureGate::CheckSignature(
    const v1::RevisionSignature& signature) const {
  switch (keys_->Verify(signature)) {
    case policy::TrustedKeys::Verdict::kGood:
      return absl::OkStatus();
    case policy::TrustedKeys::Verdict::kNotTrusted:
      return Refused(".key_id: not one of the server's trusted keys",
                     "KEY_NOT_TRUSTED");
    case policy::TrustedKeys::Verdict::kInvalid:
      return Invalid(": not what the key signs");
  }
  return Invalid(": not what the key signs");
}

absl::Status SignatureGate::CheckClaims(const PushClaims& claims) const {
  if (!claims.signature.has_value()) {
    return Refused(
        ": required, this server takes signed revisions only; sign the "
        "artifact with `attune sign` and push it with its .sig file",
        "UNSIGNED");
  }
  ATTUNE_RETURN_IF_ERROR(CheckSignature(*claims.signature));
  if (claims.signature->digest() != claims.digest) {
    return Invalid(".digest: of another artifact");
  }
  return absl::OkStatus();
}

absl::Status SignatureGate::CheckFollowed(const PushClaims& claims) const {
  return is_closed() ? CheckClaims(claims) : absl::OkStatus();
}

absl::Status SignatureGate::CheckPush(const PushClaims& claims,
                                      std::optional<int64_t> accepted_as,
                                      bool activates) const {
  if (!is_closed()) return absl::OkStatus();
  ATTUNE_RETURN_IF_ERROR(CheckClaims(claims));
  const v1::RevisionSignature& signature = *claims.signature;
  const HighestNumber highest = HighestOf(numbers_, signature.policy());
  // Accepted, and lost in a crash or deleted since.
  if (highest.digest == claims.digest) accepted_as = highest.number;
  return CheckNumber({.number = signature.number(),
                      .highest = highest.number,
                      .accepted_as = accepted_as,
                      .activates = activates});
}

absl::Status SignatureGate::CheckStored(
    const v1::RevisionSignature& signature) const {
  ATTUNE_RETURN_IF_ERROR(CheckSignature(signature));
  if (is_new_) return absl::OkStatus();
  const HighestNumber highest = HighestOf(numbers_, signature.policy());
  const bool known = signature.number() < highest.number ||
                     (signature.number() == highest.number &&
                      signature.digest() == highest.digest);
  return known ? absl::OkStatus()
               : absl::PermissionDeniedError(
                     "signature.number: never accepted by this server");
}

absl::Status SignatureGate::Accept(
    const std::vector<v1::RevisionSignature>& signatures) {
  RevisionNumbers numbers = numbers_;
  bool changed = false;
  for (const v1::RevisionSignature& signature : signatures) {
    HighestNumber& highest = numbers[signature.policy()];
    if (signature.number() <= highest.number) continue;
    highest = {signature.number(), signature.digest()};
    changed = true;
  }
  if (!changed) return absl::OkStatus();
  ATTUNE_RETURN_IF_ERROR(
      WriteFileAtomically(numbers_path_, PrintNumbers(numbers)));
  numbers_ = std::move(numbers);
  is_new_ = false;
  return absl::OkStatus();
}

absl::Status CheckSigned(const v1::RevisionSignature& signature,
                         const policy::Revision& revision) {
  if (signature.digest() != revision.digest()) {
    return Invalid(".digest: of another artifact");
  }
  if (signature.policy() != revision.manifest().policy()) {
    return Invalid(".policy: not that of the manifest");
  }
  return absl::OkStatus();
}

}  // namespace attune::server
