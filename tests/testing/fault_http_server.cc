// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tests/testing/fault_http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace attune::testing {
namespace {

// Reads a whole request. False if the client went away.
bool ReadRequest(int socket, FaultHttpServer::Request* request) {
  std::string data;
  char buffer[4096];
  size_t head_end = std::string::npos;
  size_t length = 0;
  while (head_end == std::string::npos || data.size() < head_end + 4 + length) {
    const ssize_t n = recv(socket, buffer, sizeof(buffer), 0);
    if (n <= 0) return false;
    data.append(buffer, n);
    if (head_end != std::string::npos) continue;
    head_end = data.find("\r\n\r\n");
    const size_t at = data.find("Content-Length: ");
    if (at < head_end)
      length = std::strtoul(data.c_str() + at + 16, nullptr, 10);
  }
  request->head = data.substr(0, head_end);
  request->body = data.substr(head_end + 4, length);
  return true;
}

void SendAll(int socket, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n =
        send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += n;
  }
}

FaultHttpServer::Handler Scripted(std::vector<std::string> replies) {
  return [replies = std::move(replies)](const FaultHttpServer::Request& r) {
    return replies[std::min<size_t>(r.index, replies.size() - 1)];
  };
}

}  // namespace

std::string HangReply() { return "(hang)"; }

std::string HttpReplyBytes(int status, const std::string& body,
                           const std::string& headers) {
  return "HTTP/1.1 " + std::to_string(status) +
         " x\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
}

FaultHttpServer::FaultHttpServer(Handler handler)
    : handler_(std::move(handler)) {
  Start();
}

FaultHttpServer::FaultHttpServer(std::vector<std::string> replies)
    : handler_(Scripted(std::move(replies))) {
  Start();
}

void FaultHttpServer::Start() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || bind(listener_, generic, size) != 0 ||
      listen(listener_, 128) != 0 ||
      getsockname(listener_, generic, &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

FaultHttpServer::~FaultHttpServer() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    for (const int socket : open_) shutdown(socket, SHUT_RDWR);
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  // Nobody adds threads any more.
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

std::string FaultHttpServer::url() const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/v1";
}

int FaultHttpServer::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int>(seen_.size());
}

int FaultHttpServer::max_concurrent() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return max_concurrent_;
}

std::vector<FaultHttpServer::Request> FaultHttpServer::seen() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return seen_;
}

void FaultHttpServer::Accept() {
  while (true) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (socket < 0 || stopping_) {
      if (socket >= 0) close(socket);
      return;
    }
    open_.push_back(socket);
    threads_.emplace_back([this, socket] { Serve(socket); });
  }
}

void FaultHttpServer::Serve(int socket) {
  Request request;
  if (ReadRequest(socket, &request)) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      request.index = static_cast<int>(seen_.size());
      seen_.push_back(request);
      max_concurrent_ = std::max(max_concurrent_, ++concurrent_);
    }
    const std::string reply = handler_(request);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      --concurrent_;
    }
    if (reply == HangReply()) {
      char byte;
      while (recv(socket, &byte, 1, 0) > 0) {
      }
    } else {
      SendAll(socket, reply);
    }
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase(open_, socket);
  close(socket);
}

}  // namespace attune::testing
