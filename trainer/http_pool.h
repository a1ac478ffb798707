// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_HTTP_POOL_H_
#define ATTUNE_TRAINER_HTTP_POOL_H_

// POSTs many bodies to one URL, a bounded number at a time, on one thread
// (libcurl's multi interface). What to retry is the delegate's decision; waits
// pass inside libcurl's poll, while other calls go on.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace attune::trainer {

struct HttpOptions {
  // http:// or https://. Redirects are not followed.
  std::string url;
  // "Bearer ..." or empty. Never logged.
  std::string authorization;
  int concurrency = 8;
  std::chrono::milliseconds connect_timeout{5000};
  // For a whole call.
  std::chrono::milliseconds timeout{120000};
  // Longest body of an answer, in bytes.
  size_t max_body = 4 << 20;
};

struct HttpReply {
  // OK if there was a whole HTTP answer, whatever it says. kUnavailable:
  // network, kDeadlineExceeded: timeout, kDataLoss: the body is too long or
  // ends early.
  absl::Status transport;
  long http_status = 0;
  std::string body;
  std::optional<std::chrono::milliseconds> retry_after;
  double seconds = 0.0;
};

// Thread-compatible.
class HttpPool {
 public:
  // Decides what to do with each call. Called from the thread in Run().
  class Delegate {
   public:
    enum class Admission {
      kStart,   // start it
      kLater,   // ask again after a call in flight has ended
      kRefuse,  // never: it is over for this call
    };
    virtual ~Delegate() = default;
    // Whether call `i` may start; `in_flight` others are under way. kLater is
    // kRefuse if there are none.
    virtual Admission Admit(size_t i, int in_flight) = 0;
    // A header line of this call alone; empty for none.
    virtual std::string Header(size_t i) {
      static_cast<void>(i);
      return "";
    }
    // Call `i` ended; how long to wait until it is made again, nullopt if it is
    // over.
    virtual std::optional<std::chrono::milliseconds> Finish(
        size_t i, HttpReply reply) = 0;
  };

  // kInvalidArgument if an option is out of range, kInternal if libcurl fails.
  static absl::StatusOr<std::unique_ptr<HttpPool>> Create(HttpOptions options);
  ~HttpPool();

  // Makes a call for each body; returns when every one is over.
  absl::Status Run(const std::vector<std::string>& bodies, Delegate& delegate);

 private:
  struct Impl;
  explicit HttpPool(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_HTTP_POOL_H_
