// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CONNECTION_COUNTS_H_
#define ATTUNE_SERVER_CONNECTION_COUNTS_H_

// How many connections are open, in all and by address, and whether one more
// may come. Pure but for the counts. Not thread-safe; owned by one thread.

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <map>

namespace attune::server {

// What connections are counted by: an IPv4 address, or the /64 network of an
// IPv6 address, since whoever has one address there has all of them.
using AddressKey = std::array<uint8_t, 16>;
AddressKey KeyOf(const sockaddr_storage& address);

class ConnectionCounts {
 public:
  enum class Verdict { kAdmitted, kTooMany, kTooManyOfAddress };

  // 0 of an address: no limit but the first.
  ConnectionCounts(int max_open, int max_of_address)
      : max_open_(max_open), max_of_address_(max_of_address) {}

  // Counts the connection if it is admitted.
  Verdict Enter(const AddressKey& address);
  // After Enter() returned kAdmitted.
  void Leave(const AddressKey& address);
  int open() const { return open_; }

 private:
  const int max_open_;
  const int max_of_address_;
  int open_ = 0;
  // No entry is 0: as many as connections are open.
  std::map<AddressKey, int> by_address_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CONNECTION_COUNTS_H_
