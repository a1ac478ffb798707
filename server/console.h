// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CONSOLE_H_
#define ATTUNE_SERVER_CONSOLE_H_

// The console: a read-only web page about this server, and a playground that shows
// which prompt a revision would serve. docs/console.md has the endpoints.
//
// It changes nothing, decides nothing and logs nothing. Requests are answered one
// after the other by one thread that has what the others leave of the processor,
// so that nobody who plays here slows down a prompt.
//
// Life cycle: listens from Start() to its destruction. Borrows the registry, which
// must outlive it. Thread-safe.

#include <prometheus/collectable.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/http_endpoint.h"
#include "server/revision_registry.h"
#include "server/worker.h"

namespace attune::server {

class Console {
 public:
  struct Options {
    // host:port, port 0 for any.
    std::string address;
    const RevisionRegistry* registry;
    // What Prometheus can scrape.
    std::vector<std::shared_ptr<prometheus::Collectable>> collectables;
  };

  // The errors of HttpEndpoint::Start, about `console_listen`.
  static absl::StatusOr<std::unique_ptr<Console>> Start(Options options);

  int port() const { return endpoint_->port(); }

 private:
  explicit Console(Options options);
  // Has the worker answer it. Blocks.
  HttpResponse Handle(const HttpRequest& request);
  HttpResponse Answer(const HttpRequest& request) const;

  const Options options_;
  Worker worker_{1, ThreadClass::kBackground};
  // Last: its threads use the rest.
  std::unique_ptr<HttpEndpoint> endpoint_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CONSOLE_H_
