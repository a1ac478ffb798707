// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_HTTP_GET_H_
#define ATTUNE_TESTS_SERVER_HTTP_GET_H_

// What a scraper or a browser sees, and what neither would send.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "server/unique_fd.h"

namespace attune::server {

inline UniqueFd ConnectTcp(int port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                      sizeof(address)),
            0);
  return fd;
}

// All that comes until the server ends the connection.
inline std::string ReceiveAll(int fd) {
  std::string response;
  char buffer[4096];
  for (ssize_t got; (got = ::recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
    response.append(buffer, static_cast<size_t>(got));
  }
  return response;
}

// Sends bytes, as far as the server takes them, and returns what comes.
inline std::string HttpExchange(int port, const std::string& bytes) {
  const UniqueFd fd = ConnectTcp(port);
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t some = ::send(fd.get(), bytes.data() + sent,
                                bytes.size() - sent, MSG_NOSIGNAL);
    if (some <= 0) break;
    sent += static_cast<size_t>(some);
  }
  return ReceiveAll(fd.get());
}

inline std::string HttpGet(int port, const std::string& path) {
  return HttpExchange(port, "GET " + path +
                                " HTTP/1.1\r\nHost: localhost\r\n"
                                "Connection: close\r\n\r\n");
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_HTTP_GET_H_
