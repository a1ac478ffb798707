// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_RAW_CONNECTION_H_
#define ATTUNE_TESTS_SERVER_RAW_CONNECTION_H_

// A TCP connection to a server on loopback that sends whatever a test wants,
// and the HTTP/2 frames to send. Not thread-safe; owned by one thread.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/unique_fd.h"

namespace attune::server {

// RFC 9113.
enum class FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kSettings = 4,
  kWindowUpdate = 8
};
inline constexpr uint8_t kEndStream = 1;
inline constexpr uint8_t kEndHeaders = 4;

// The client's preface and settings. With a window of 0 the server may send
// nothing that counts, which is to say no message.
std::string Preface(uint32_t initial_window = 65535);
std::string Frame(FrameType type, uint8_t flags, uint32_t stream,
                  const std::string& payload);
// The headers of a call, without Huffman codes and without an index.
std::string CallHeaders(uint32_t stream, const std::string& method,
                        const std::string& encoding = "");
// A message as gRPC frames it, in DATA frames; ends the stream.
std::string CallMessage(uint32_t stream, const std::string& message,
                        bool compressed = false);

class RawConnection {
 public:
  // From an address of our own on loopback, so that servers take us for another
  // one than clients that do not choose: 127.0.0.`host`.
  // The kernel takes little more than `receive_buffer` bytes for us; 0 for what
  // it likes.
  explicit RawConnection(int port, int host = 2, int receive_buffer = 0);
  RawConnection(RawConnection&&) = default;

  // False once the server has ended the connection.
  bool Send(const std::string& bytes);
  // Sends a preface and waits for the server's. False if it does not take us.
  bool Handshake(uint32_t initial_window = 65535);

  struct Received {
    FrameType type;
    uint8_t flags;
    std::string payload;
  };
  // Blocks; nullopt at the end of the connection.
  std::optional<Received> Receive();
  // Blocks until the server ends the connection; what arrives is dropped.
  void AwaitEnd();

 private:
  bool ReceiveBytes(size_t size, std::string* bytes);

  UniqueFd fd_;
};

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_RAW_CONNECTION_H_
