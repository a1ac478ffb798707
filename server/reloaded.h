// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_RELOADED_H_
#define ATTUNE_SERVER_RELOADED_H_

// A value that is read from files, at the start and again and again. Whatever is
// on the disk later, the last good value stays until there is another good one.
//
// Life cycle: Open() reads and fails if that fails; Reload() whenever wanted;
// Get() from any thread. Reload() logs a change, and a failure once while it
// stays the same. Thread-safe, but for Reload(): one caller at a time.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/log.h"
#include "server/published.h"

namespace attune::server {

// T has operator==.
template <typename T>
class Reloaded {
 public:
  using Read = std::function<absl::StatusOr<T>()>;

  // `what` is for the log: "certificate".
  static absl::StatusOr<std::unique_ptr<Reloaded>> Open(std::string what,
                                                        Read read) {
    auto value = read();
    if (!value.ok()) return value.status();
    return std::unique_ptr<Reloaded>(
        new Reloaded(std::move(what), std::move(read), *std::move(value)));
  }

  std::shared_ptr<const T> Get() const { return value_.Get(); }

  void Reload() {
    auto value = read_();
    if (!value.ok()) return Fail(std::string(value.status().message()));
    last_error_.clear();
    if (*value == *Get()) return;
    value_.Set(std::make_shared<const T>(*std::move(value)));
    Log(LogLevel::kInfo, "reloaded", {{"what", what_}});
  }

  // Calls of Reload() that found nothing good.
  int64_t failures() const { return failures_; }

 private:
  Reloaded(std::string what, Read read, T value)
      : what_(std::move(what)),
        read_(std::move(read)),
        value_(std::make_shared<const T>(std::move(value))) {}

  void Fail(std::string error) {
    ++failures_;
    if (error == last_error_) return;
    Log(LogLevel::kError, "not reloaded; the last good one stays",
        {{"what", what_}, {"error", error}});
    last_error_ = std::move(error);
  }

  const std::string what_;
  const Read read_;
  Published<T> value_;
  std::atomic<int64_t> failures_ = 0;
  // Of Reload() only.
  std::string last_error_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_RELOADED_H_
