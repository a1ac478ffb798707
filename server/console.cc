// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/console.h"

#include <future>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "policy/status_macros.h"
#include "server/console_assets.h"
#include "server/console_preview.h"
#include "server/console_state.h"
#include "server/error_reason.h"
#include "server/log.h"
#include "server/loopback.h"

namespace attune::server {
namespace {

struct File {
  const char* path;
  const char* content_type;
  std::string_view (*bytes)();
};

constexpr File kFiles[] = {
    {"/", "text/html; charset=utf-8", ConsolePage},
    {"/console.css", "text/css; charset=utf-8", ConsoleStyle},
    {"/console.js", "text/javascript; charset=utf-8", ConsoleScript},
    {"/icon.svg", "image/svg+xml", ConsoleIcon},
};

HttpResponse FromStatus(const absl::Status& status) {
  const int http = absl::IsNotFound(status)          ? 404
                   : absl::IsInvalidArgument(status) ? 400
                                                     : 500;
  return HttpError(http, absl::StatusCodeToString(status.code()),
                   std::string(status.message()));
}

}  // namespace

Console::Console(Options options) : options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<Console>> Console::Start(Options options) {
  const std::string address = options.address;
  std::unique_ptr<Console> console(new Console(std::move(options)));
  ATTUNE_ASSIGN_OR_RETURN(console->endpoint_,
                          HttpEndpoint::Start({"console_listen", address},
                                              [console = console.get()](
                                                  const HttpRequest& request) {
                                                return console->Handle(request);
                                              }));
  if (!IsLoopback(address)) {
    Log(LogLevel::kWarning,
        "the console has no authentication; put a proxy in front",
        {{"console_listen", address}});
  }
  return console;
}

HttpResponse Console::Handle(const HttpRequest& request) {
  std::promise<HttpResponse> answered;
  worker_.Post([&] { answered.set_value(Answer(request)); });
  return answered.get_future().get();
}

HttpResponse Console::Answer(const HttpRequest& request) const {
  for (const File& file : kFiles) {
    if (request.path != file.path) continue;
    if (!IsGet(request)) return WrongMethod("GET, HEAD");
    return {.content_type = file.content_type,
            .body = std::string(file.bytes())};
  }
  if (request.path == "/api/state") {
    if (!IsGet(request)) return WrongMethod("GET, HEAD");
    return {.body = StateJson(*options_.registry, options_.collectables)};
  }
  if (request.path == "/api/preview") {
    if (request.method != "POST") return WrongMethod("POST");
    // A page of another site may not send this type without asking us.
    if (!absl::StartsWithIgnoreCase(request.content_type, "application/json")) {
      return HttpError(415, "INVALID_ARGUMENT",
                       "Content-Type: must be application/json");
    }
    auto json = PreviewJson(*options_.registry, request.body);
    if (!json.ok()) return FromStatus(json.status());
    return {.body = *std::move(json)};
  }
  return HttpError(404, "NOT_FOUND", "path: nothing is here");
}

}  // namespace attune::server
