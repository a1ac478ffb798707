// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/connection_counts.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace attune::server {
namespace {

constexpr int kNetworkBytes = 8;

}  // namespace

AddressKey KeyOf(const sockaddr_storage& address) {
  AddressKey key = {};
  if (address.ss_family == AF_INET) {
    // As IPv6 writes it: ::ffff:a.b.c.d.
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    key[10] = key[11] = 0xff;
    std::memcpy(&key[12], &v4.sin_addr, sizeof(v4.sin_addr));
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    std::memcpy(key.data(), &v6.sin6_addr, key.size());
    if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      std::fill(key.begin() + kNetworkBytes, key.end(), uint8_t{0});
    }
  }
  return key;
}

ConnectionCounts::Verdict ConnectionCounts::Enter(const AddressKey& address) {
  if (open_ >= max_open_) return Verdict::kTooMany;
  const auto found = by_address_.find(address);
  if (max_of_address_ > 0 && found != by_address_.end() &&
      found->second >= max_of_address_) {
    return Verdict::kTooManyOfAddress;
  }
  ++by_address_[address];
  ++open_;
  return Verdict::kAdmitted;
}

void ConnectionCounts::Leave(const AddressKey& address) {
  --open_;
  const auto found = by_address_.find(address);
  if (--found->second == 0) by_address_.erase(found);
}

}  // namespace attune::server
