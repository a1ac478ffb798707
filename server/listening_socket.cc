// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/listening_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace attune::server {
namespace {

struct HostPort {
  std::string host;
  std::string port;
};

absl::StatusOr<HostPort> Split(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return absl::InvalidArgumentError("must be host:port");
  }
  std::string host = address.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return absl::InvalidArgumentError(
        "must be host:port, an IPv6 address in brackets");
  }
  return HostPort{host, std::to_string(port)};
}

bool IsWildcard(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr ==
           htonl(INADDR_ANY);
  }
  return address->sa_family == AF_INET6 &&
         IN6_IS_ADDR_UNSPECIFIED(
             &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
}

void SetPort(int port, sockaddr* address) {
  // The same place in both families.
  reinterpret_cast<sockaddr_in*>(address)->sin_port =
      htons(static_cast<uint16_t>(port));
}

int PortOf(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

// Accepted sockets inherit these.
void SetOptions(int fd, absl::Duration unacknowledged) {
  const int on = 1;
  const int off = 0;
  const auto milliseconds =
      static_cast<unsigned>(absl::ToInt64Milliseconds(unacknowledged));
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds,
               sizeof(milliseconds));
  // Fails on a socket of IPv4, which has no use for it.
  ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
}

// Not valid, with errno, if it cannot be listened on.
UniqueFd Listen(const sockaddr* address, socklen_t size,
                absl::Duration unacknowledged) {
  UniqueFd fd(::socket(address->sa_family,
                       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fd;
  SetOptions(fd.get(), unacknowledged);
  if (::bind(fd.get(), address, size) == 0 &&
      ::listen(fd.get(), SOMAXCONN) == 0) {
    return fd;
  }
  const int error = errno;
  fd.Reset(-1);
  errno = error;
  return fd;
}

// Every address of both families, or of IPv4 where there is no IPv6.
UniqueFd ListenOnWildcard(int port, absl::Duration unacknowledged) {
  sockaddr_in6 any6 = {};
  any6.sin6_family = AF_INET6;
  any6.sin6_port = htons(static_cast<uint16_t>(port));
  UniqueFd fd =
      Listen(reinterpret_cast<sockaddr*>(&any6), sizeof(any6), unacknowledged);
  if (fd.valid() || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) {
    return fd;
  }
  sockaddr_in any4 = {};
  any4.sin_family = AF_INET;
  any4.sin_port = htons(static_cast<uint16_t>(port));
  return Listen(reinterpret_cast<sockaddr*>(&any4), sizeof(any4),
                unacknowledged);
}

}  // namespace

absl::StatusOr<ListeningSockets> ListenOn(const std::string& address,
                                          absl::Duration unacknowledged) {
  const auto parts = Split(address);
  if (!parts.ok()) return parts.status();
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(parts->host.c_str(), parts->port.c_str(), &hints, &found);
  if (error != 0) return absl::UnavailableError(::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(
      found, ::freeaddrinfo);

  ListeningSockets sockets;
  if (!absl::SimpleAtoi(parts->port, &sockets.port)) {
    return absl::InvalidArgumentError("the port must be a number");
  }
  int why = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    SetPort(sockets.port, one->ai_addr);
    const bool wildcard = IsWildcard(one->ai_addr);
    UniqueFd fd = wildcard
                      ? ListenOnWildcard(sockets.port, unacknowledged)
                      : Listen(one->ai_addr, one->ai_addrlen, unacknowledged);
    if (!fd.valid()) {
      why = errno;
      continue;
    }
    sockets.port = PortOf(fd.get());
    sockets.fds.push_back(std::move(fd));
    if (wildcard) break;
  }
  if (!sockets.fds.empty()) return sockets;
  return absl::UnavailableError(std::strerror(why));
}

}  // namespace attune::server
