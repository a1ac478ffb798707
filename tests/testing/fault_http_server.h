// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TESTING_FAULT_HTTP_SERVER_H_
#define ATTUNE_TESTS_TESTING_FAULT_HTTP_SERVER_H_

// An HTTP server on a free loopback port that answers as badly as it is told:
// what the handler returns goes over the wire byte for byte.
//
// One thread a connection, one request a connection. Thread-safe.

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace attune::testing {

class FaultHttpServer {
 public:
  struct Request {
    std::string head;  // request line and headers
    std::string body;
    int index = 0;  // requests before this one
  };
  // Returns the bytes to send. May block. Called concurrently.
  using Handler = std::function<std::string(const Request&)>;

  explicit FaultHttpServer(Handler handler);
  // Answers the requests in order; the last reply repeats.
  explicit FaultHttpServer(std::vector<std::string> replies);
  ~FaultHttpServer();

  // "http://127.0.0.1:<port>/v1"
  std::string url() const;
  int requests() const;
  // The most requests that were handled at the same time.
  int max_concurrent() const;
  std::vector<Request> seen() const;

 private:
  void Start();
  void Accept();
  void Serve(int socket);

  const Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::thread> threads_;
  std::vector<int> open_;
  std::vector<Request> seen_;
  int concurrent_ = 0;
  int max_concurrent_ = 0;
  bool stopping_ = false;
};

// The reply that never comes: the connection stays open and silent until the
// client gives up.
std::string HangReply();

// A whole HTTP/1.1 answer. `headers`: lines that end with \r\n.
std::string HttpReplyBytes(int status, const std::string& body,
                           const std::string& headers = "");

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TESTING_FAULT_HTTP_SERVER_H_
