// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tests/server/raw_connection.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace attune::server {
namespace {

constexpr uint16_t kInitialWindowSize = 4;
constexpr size_t kFrameHeader = 9;
constexpr size_t kLargestFrame = 16384;

// Most significant byte first.
std::string BigEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) {
    text.push_back(static_cast<char>(value >> (8 * i)));
  }
  return text;
}

// RFC 7541, 6.2.2; both shorter than 127 bytes.
std::string Literal(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name +
         static_cast<char>(value.size()) + value;
}

sockaddr_in Loopback(int host, int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr =
      htonl((uint32_t{127} << 24) + static_cast<uint32_t>(host));
  return address;
}

}  // namespace

std::string Frame(FrameType type, uint8_t flags, uint32_t stream,
                  const std::string& payload) {
  return BigEndian(payload.size(), 3) + static_cast<char>(type) +
         static_cast<char>(flags) + BigEndian(stream, 4) + payload;
}

std::string Preface(uint32_t initial_window) {
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
         Frame(FrameType::kSettings, 0, 0,
               BigEndian(kInitialWindowSize, 2) + BigEndian(initial_window, 4));
}

std::string CallHeaders(uint32_t stream, const std::string& method,
                        const std::string& encoding) {
  std::string block = Literal(":method", "POST") + Literal(":scheme", "http") +
                      Literal(":path", "/attune.v1.PromptService/" + method) +
                      Literal(":authority", "localhost") +
                      Literal("te", "trailers") +
                      Literal("content-type", "application/grpc");
  if (!encoding.empty()) block += Literal("grpc-encoding", encoding);
  return Frame(FrameType::kHeaders, kEndHeaders, stream, block);
}

std::string CallMessage(uint32_t stream, const std::string& message,
                        bool compressed) {
  const std::string framed = std::string(1, compressed ? '\1' : '\0') +
                             BigEndian(message.size(), 4) + message;
  std::string frames;
  for (size_t i = 0; i < framed.size(); i += kLargestFrame) {
    const bool last = i + kLargestFrame >= framed.size();
    frames += Frame(FrameType::kData, last ? kEndStream : 0, stream,
                    framed.substr(i, kLargestFrame));
  }
  return frames;
}

RawConnection::RawConnection(int port, int host, int receive_buffer)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer > 0) {
    EXPECT_EQ(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                           sizeof(receive_buffer)),
              0);
  }
  const sockaddr_in from = Loopback(host, 0);
  const sockaddr_in to = Loopback(1, port);
  EXPECT_EQ(
      ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&from), sizeof(from)),
      0);
  // A server that refuses may have reset the connection before we hear of it.
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to),
                sizeof(to)) != 0) {
    EXPECT_EQ(errno, ECONNRESET);
  }
}

bool RawConnection::Send(const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t now = ::send(fd_.get(), bytes.data() + sent,
                               bytes.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) return false;
    sent += static_cast<size_t>(now);
  }
  return true;
}

bool RawConnection::Handshake(uint32_t initial_window) {
  return Send(Preface(initial_window)) && Receive().has_value();
}

std::optional<RawConnection::Received> RawConnection::Receive() {
  std::string header;
  if (!ReceiveBytes(kFrameHeader, &header)) return std::nullopt;
  const auto byte = [&header](int i) {
    return static_cast<uint8_t>(header[static_cast<size_t>(i)]);
  };
  Received received{static_cast<FrameType>(byte(3)), byte(4), ""};
  const size_t size = static_cast<size_t>(byte(0)) << 16 |
                      static_cast<size_t>(byte(1)) << 8 | byte(2);
  if (!ReceiveBytes(size, &received.payload)) return std::nullopt;
  return received;
}

void RawConnection::AwaitEnd() {
  char buffer[4096];
  while (::recv(fd_.get(), buffer, sizeof(buffer), 0) > 0) {
  }
}

bool RawConnection::ReceiveBytes(size_t size, std::string* bytes) {
  bytes->resize(size);
  for (size_t received = 0; received < size;) {
    const ssize_t now =
        ::recv(fd_.get(), bytes->data() + received, size - received, 0);
    if (now <= 0) return false;
    received += static_cast<size_t>(now);
  }
  return true;
}

}  // namespace attune::server
