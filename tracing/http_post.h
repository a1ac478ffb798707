// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRACING_HTTP_POST_H_
#define ATTUNE_TRACING_HTTP_POST_H_

// POSTs JSON to one URL, call after call over one connection (libcurl), and can
// be hurried by another thread.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace attune::tracing {

struct HttpAnswer {
  // OK if there was a whole HTTP answer, whatever it says; kUnavailable or
  // kDeadlineExceeded otherwise.
  absl::Status transport;
  long http_status = 0;
  // Its beginning, at most 64 KiB.
  std::string body;
  std::optional<absl::Duration> retry_after;
};

// Post() by one thread at a time, HurryUntil() by any.
class HttpPost {
 public:
  // POSTs to <base><path>. `headers` are lines "Name: value". Redirects are not followed, and proxies of
  // the environment are used except for this machine. kInvalidArgument if the base
  // does not begin with http:// or https:// or holds a user or password.
  static absl::StatusOr<std::unique_ptr<HttpPost>> Create(
      std::string_view base, std::string_view path,
      const std::vector<std::string>& headers);
  ~HttpPost();

  // Blocks, at most for `timeout`.
  HttpAnswer Post(const std::string& body, absl::Duration timeout);
  // From now on no call takes longer than until then, the one under way
  // included.
  void HurryUntil(absl::Time deadline);

 private:
  struct Impl;
  explicit HttpPost(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

// The headers in a file's bytes, one "Name: value" a line; blank lines count for
// nothing. kInvalidArgument names the line, never what it holds.
absl::StatusOr<std::vector<std::string>> ParseHeaders(std::string_view text);

}  // namespace attune::tracing

#endif  // ATTUNE_TRACING_HTTP_POST_H_
