// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_HTTP_ENDPOINT_H_
#define ATTUNE_SERVER_HTTP_ENDPOINT_H_

// An HTTP port for a browser or a prober, on civetweb: takes whole requests of
// bounded size, in bounded time, on few threads, and hands them to a function.
//
// Nothing of civetweb's own is reachable: no files, scripts or uploads. Each
// connection has one request. What is too large, too slow or not HTTP never
// reaches the handler. All answers forbid the browser to store, guess, frame or
// load anything else (http_endpoint.cc has the headers). If the port listens on
// loopback only, a request must name this machine in Host, so that no page of
// another site reaches it by a name of its own (DNS rebinding).
//
// Life cycle: listens from Start() to its destruction, which waits for handlers
// that run. Thread-safe.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/thread_class.h"

struct mg_context;

namespace attune::server {

struct HttpRequest {
  std::string method;
  // Decoded, without the query.
  std::string path;
  // As in the header; empty without one.
  std::string content_type;
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  // With status 405: the methods that the path has.
  std::string allow = {};
};

// An error as JSON: {"error": {"code": ..., "message": ...}}.
HttpResponse HttpError(int status, const std::string& code,
                       const std::string& message);

// 405, with the methods that the path has.
HttpResponse WrongMethod(const std::string& allow);

// GET or HEAD, which is a GET without the answer's body.
bool IsGet(const HttpRequest& request);

inline constexpr int kMaxHttpBodyBytes = 256 << 10;

class HttpEndpoint {
 public:
  struct Options {
    // The name of the setting that has the address, for errors.
    std::string setting;
    // host:port, port 0 for any.
    std::string address;
    // Of the threads that read, call the handler and write.
    ThreadClass thread_class = ThreadClass::kBackground;
  };

  // Called from the endpoint's threads, whose stacks are small, with a request at
  // a time each. Must not throw.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // kInvalidArgument if the address is none; kUnavailable if it cannot be listened
  // on.
  static absl::StatusOr<std::unique_ptr<HttpEndpoint>> Start(
      const Options& options, Handler handler);

  ~HttpEndpoint();

  int port() const { return port_; }

 private:
  HttpEndpoint(const Options& options, Handler handler);
  // civetweb's callbacks.
  struct Callbacks;

  // Whether a request must name this machine.
  const bool only_this_machine_;
  const ThreadClass thread_class_;
  const Handler handler_;
  mg_context* context_ = nullptr;
  int port_ = 0;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_HTTP_ENDPOINT_H_
