// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/http_stop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <future>

namespace attune::server {
namespace {

// Opens a connection and closes it again.
void Knock(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // That nobody listens any more is what we are waiting for.
  (void)::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  ::close(fd);
}

}  // namespace

void StopHttp(int port, const std::function<void()>& stop) {
  auto stopped = std::async(std::launch::async, stop);
  while (stopped.wait_for(std::chrono::milliseconds(5)) !=
         std::future_status::ready) {
    Knock(port);
  }
}

}  // namespace attune::server
