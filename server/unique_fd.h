// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_UNIQUE_FD_H_
#define ATTUNE_SERVER_UNIQUE_FD_H_

// A file descriptor that is closed with its owner. Not thread-safe; owned by
// one thread.

#include <unistd.h>

#include <utility>

namespace attune::server {

class UniqueFd {
 public:
  UniqueFd() = default;
  // Takes it over; negative for none.
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { Reset(-1); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Gives it away.
  int Release() { return std::exchange(fd_, -1); }
  // Closes it and takes over another one.
  void Reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_UNIQUE_FD_H_
