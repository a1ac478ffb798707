// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace attune::server {
namespace {

bool IsPort(std::string_view text) {
  uint32_t port = 0;
  return absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &port) &&
         port <= UINT16_MAX;
}

bool IsIpv4Loopback(const std::string& host) {
  in_addr address = {};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 &&
         ntohl(address.s_addr) >> 24 == 127;
}

}  // namespace

bool IsLoopback(std::string_view authority) {
  // A colon of an IPv6 address is not a port's.
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.rfind(':');
  std::string_view host = authority;
  if (colon != std::string_view::npos &&
      (bracket == std::string_view::npos || colon > bracket)) {
    if (!IsPort(authority.substr(colon + 1))) return false;
    host = authority.substr(0, colon);
  }
  return host == "[::1]" ||
         absl::EqualsIgnoreCase(absl::string_view(host.data(), host.size()),
                                "localhost") ||
         IsIpv4Loopback(std::string(host));
}

}  // namespace attune::server
