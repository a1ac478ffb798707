// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/peer_identity.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace attune::server {
namespace {

constexpr char kNames[] = "x509_subject_alternative_name";

std::string AddressOf(std::string_view peer) {
  absl::string_view rest(peer.data(), peer.size());
  if (!absl::ConsumePrefix(&rest, "ipv4:") &&
      !absl::ConsumePrefix(&rest, "ipv6:")) {
    return std::string(peer);
  }
  rest = rest.substr(0, rest.rfind(':'));
  // Brackets, as they are or as a URI has them.
  if (!absl::ConsumePrefix(&rest, "[")) absl::ConsumePrefix(&rest, "%5B");
  if (!absl::ConsumeSuffix(&rest, "]")) absl::ConsumeSuffix(&rest, "%5D");
  return std::string(rest);
}

}  // namespace

std::string PeerIdentity(const grpc::AuthContext& context,
                         std::string_view peer) {
  if (context.IsPeerAuthenticated()) {
    for (const grpc::string_ref& name : context.FindPropertyValues(kNames)) {
      if (!name.empty()) return std::string(name.data(), name.size());
    }
  }
  return AddressOf(peer);
}

}  // namespace attune::server
