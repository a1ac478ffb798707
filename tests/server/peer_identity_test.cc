// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/peer_identity.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace attune::server {
namespace {

struct None : grpc::AuthPropertyIterator {};

class FakeAuthContext : public grpc::AuthContext {
 public:
  FakeAuthContext(bool authenticated, std::vector<std::string> names)
      : authenticated_(authenticated), names_(std::move(names)) {}

  bool IsPeerAuthenticated() const override { return authenticated_; }
  std::vector<grpc::string_ref> GetPeerIdentity() const override { return {}; }
  std::string GetPeerIdentityPropertyName() const override { return ""; }
  std::vector<grpc::string_ref> FindPropertyValues(
      const std::string& name) const override {
    if (name != "x509_subject_alternative_name") return {};
    return {names_.begin(), names_.end()};
  }
  grpc::AuthPropertyIterator begin() const override { return None(); }
  grpc::AuthPropertyIterator end() const override { return None(); }
  void AddProperty(const std::string&, const grpc::string_ref&) override {}
  bool SetPeerIdentityPropertyName(const std::string&) override {
    return false;
  }

 private:
  const bool authenticated_;
  const std::vector<std::string> names_;
};

TEST(PeerIdentityTest, IsTheFirstNameOfAnAuthenticatedPeer) {
  const FakeAuthContext context(true, {"spiffe://shop/backend", "backend"});
  EXPECT_EQ(PeerIdentity(context, "ipv4:192.0.2.1:5"), "spiffe://shop/backend");
}

TEST(PeerIdentityTest, IsTheAddressOfAnyOtherPeer) {
  const FakeAuthContext stranger(false, {"spiffe://shop/backend"});
  EXPECT_EQ(PeerIdentity(stranger, "ipv4:192.0.2.1:50000"), "192.0.2.1");
  EXPECT_EQ(PeerIdentity(stranger, "ipv6:[2001:db8::1]:50000"), "2001:db8::1");
  EXPECT_EQ(PeerIdentity(stranger, "ipv6:%5B2001:db8::1%5D:50000"),
            "2001:db8::1");
  EXPECT_EQ(PeerIdentity(stranger, "unix:/run/x"), "unix:/run/x");
  EXPECT_EQ(PeerIdentity(stranger, ""), "");
  const FakeAuthContext nameless(true, {});
  EXPECT_EQ(PeerIdentity(nameless, "ipv4:192.0.2.1:5"), "192.0.2.1");
}

}  // namespace
}  // namespace attune::server
