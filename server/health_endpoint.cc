// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/health_endpoint.h"

#include <utility>

#include "policy/status_macros.h"
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

absl::StatusOr<std::unique_ptr<HealthEndpoint>> HealthEndpoint::Start(
    const std::string& address, std::function<bool()> is_ready) {
  // Not in the background: who is busy is not ill.
  ATTUNE_ASSIGN_OR_RETURN(
      auto http,
      HttpEndpoint::Start(
          {"health_listen", address, ThreadClass::kSparing},
          [is_ready = std::move(is_ready)](const HttpRequest& request) {
            return Answer(request, is_ready());
          }));
  return std::unique_ptr<HealthEndpoint>(new HealthEndpoint(std::move(http)));
}

}  // namespace attune::server
