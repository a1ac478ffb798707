// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/health_endpoint.h"

#include <utility>

#include "server/thread_class.h"

namespace attune::server {
namespace {

HttpResponse Answer(const HttpRequest& request, bool ready) {
  if (request.path != "/readyz") {
    return HttpError(404, "NOT_FOUND", "path: only /readyz is here");
  }
  if (!IsGet(request)) return WrongMethod("GET, HEAD");
  return {.status = ready ? 200 : 503,
          .content_type = "text/plain; charset=utf-8",
          .body = ready ? "SERVING\n" : "NOT_SERVING\n"};
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpEndpoint>> StartHealthEndpoint(
    const std::string& address, std::function<bool()> is_ready) {
  // Not in the background: who is busy is not ill.
  return HttpEndpoint::Start(
      {"health_listen", address, ThreadClass::kSparing},
      [is_ready = std::move(is_ready)](const HttpRequest& request) {
        return Answer(request, is_ready());
      });
}

}  // namespace attune::server
