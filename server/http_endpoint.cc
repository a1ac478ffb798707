// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/http_endpoint.h"

#include <civetweb.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "policy/status_macros.h"
#include "server/http_stop.h"
#include "server/log.h"
#include "server/loopback.h"

namespace attune::server {
namespace {

// A peer that is slower than this on a piece of a request or an answer, or on the
// whole, is cut.
constexpr char kPieceTimeoutMs[] = "1500";
constexpr absl::Duration kWholeTimeout = absl::Seconds(5);
// civetweb waits for all of what it is asked to read or write, and for each byte
// anew: it is asked for little at a time.
constexpr int kReadPiece = 4;
constexpr size_t kWritePiece = 4096;
// Of a body that is too large, this much is thrown away so that the peer reads why
// instead of meeting a reset.
constexpr int64_t kMaxDroppedBytes = 1 << 20;
constexpr char kHeaders[] =
    "Cache-Control: no-store\r\n"
    "Connection: close\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n";

std::string Header(const mg_connection* connection, const char* name) {
  const char* value = mg_get_header(connection, name);
  return value == nullptr ? "" : value;
}

// False if the peer is too slow or gone.
bool Write(mg_connection* connection, std::string_view bytes,
           absl::Time deadline) {
  while (!bytes.empty() && absl::Now() < deadline) {
    const std::string_view piece = bytes.substr(0, kWritePiece);
    const int written = mg_write(connection, piece.data(), piece.size());
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return bytes.empty();
}

void Send(mg_connection* connection, const HttpResponse& response,
          bool with_body) {
  std::string head =
      absl::StrCat("HTTP/1.1 ", response.status, " ",
                   mg_get_response_code_text(connection, response.status),
                   "\r\nContent-Type: ", response.content_type,
                   "\r\nContent-Length: ", response.body.size(), "\r\n");
  if (!response.allow.empty()) {
    absl::StrAppend(&head, "Allow: ", response.allow, "\r\n");
  }
  absl::StrAppend(&head, kHeaders, "\r\n");
  const absl::Time deadline = absl::Now() + kWholeTimeout;
  if (Write(connection, head, deadline) && with_body) {
    Write(connection, response.body, deadline);
  }
  // What is left of the request is not read.
  mg_disable_connection_keep_alive(connection);
}

enum class BodyResult { kRead, kTooLarge, kTooSlow };

// Reads what the peer announced; of too large a body nothing is kept.
BodyResult ReadBody(mg_connection* connection, int64_t size,
                    std::string* body) {
  const bool too_large = size > kMaxHttpBodyBytes;
  const int64_t wanted =
      std::min(size, too_large ? kMaxDroppedBytes : kMaxHttpBodyBytes);
  const absl::Time deadline = absl::Now() + kWholeTimeout;
  std::array<char, kReadPiece> piece;
  for (int64_t left = wanted; left > 0;) {
    const int got =
        mg_read(connection, piece.data(), std::min<size_t>(piece.size(), left));
    if (got <= 0 || absl::Now() > deadline) {
      return too_large ? BodyResult::kTooLarge : BodyResult::kTooSlow;
    }
    if (!too_large) body->append(piece.data(), static_cast<size_t>(got));
    left -= got;
  }
  return too_large ? BodyResult::kTooLarge : BodyResult::kRead;
}

absl::Status CheckAddress(const std::string& setting,
                          const std::string& address) {
  // civetweb would read more than one address, and letters after the port.
  const size_t colon = address.rfind(':');
  uint32_t port = 0;
  if (colon == std::string::npos || colon == 0 ||
      address.find_first_of(", ") != std::string::npos ||
      address.find_first_not_of("0123456789", colon + 1) != std::string::npos ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      port > UINT16_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat(setting, ": must be host:port"));
  }
  return absl::OkStatus();
}

}  // namespace

HttpResponse HttpError(int status, const std::string& code,
                       const std::string& message) {
  const nlohmann::ordered_json json = {
      {"error", {{"code", code}, {"message", message}}}};
  return {.status = status,
          .body = json.dump(-1, ' ', false,
                            nlohmann::json::error_handler_t::replace) +
                  "\n"};
}

HttpResponse WrongMethod(const std::string& allow) {
  HttpResponse response = HttpError(405, "UNIMPLEMENTED", "method: not here");
  response.allow = allow;
  return response;
}

bool IsGet(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

struct HttpEndpoint::Callbacks {
  // Every request; civetweb does nothing more with it.
  static int BeginRequest(mg_connection* connection) {
    const mg_request_info& info = *mg_get_request_info(connection);
    const auto& endpoint = *static_cast<const HttpEndpoint*>(info.user_data);
    const HttpResponse response = Answer(endpoint, connection, info);
    Send(connection, response, std::strcmp(info.request_method, "HEAD") != 0);
    return response.status;
  }

  static HttpResponse Answer(const HttpEndpoint& endpoint,
                             mg_connection* connection,
                             const mg_request_info& info) {
    if (endpoint.only_this_machine_ &&
        !IsLoopback(Header(connection, "Host"))) {
      return HttpError(421, "PERMISSION_DENIED",
                       "Host: must be localhost or an address of loopback");
    }
    if (mg_get_header(connection, "Transfer-Encoding") != nullptr) {
      return HttpError(411, "INVALID_ARGUMENT", "Content-Length: required");
    }
    HttpRequest request{
        .method = info.request_method,
        .path = info.local_uri_raw == nullptr ? "" : info.local_uri_raw,
        .content_type = Header(connection, "Content-Type")};
    switch (ReadBody(connection, info.content_length, &request.body)) {
      case BodyResult::kTooLarge:
        return HttpError(
            413, "INVALID_ARGUMENT",
            absl::StrCat("body: longer than ", kMaxHttpBodyBytes, " bytes"));
      case BodyResult::kTooSlow:
        return HttpError(408, "DEADLINE_EXCEEDED", "body: not in time");
      case BodyResult::kRead:
        break;
    }
    return endpoint.handler_(request);
  }

  // What civetweb refuses by itself.
  static int Error(mg_connection* connection, int status, const char* message) {
    Send(connection, HttpError(status, "INVALID_ARGUMENT", message), true);
    return 0;
  }

  static int LogMessage(const mg_connection*, const char* message) {
    Log(LogLevel::kDebug, "http", {{"message", std::string(message)}});
    return 1;
  }

  static void* InitThread(const mg_context* context, int) {
    JoinThreadClass(static_cast<const HttpEndpoint*>(mg_get_user_data(context))
                        ->thread_class_);
    return nullptr;
  }
};

HttpEndpoint::HttpEndpoint(const Options& options, Handler handler)
    : only_this_machine_(IsLoopback(options.address)),
      thread_class_(options.thread_class),
      handler_(std::move(handler)) {}

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Start(
    const Options& options, Handler handler) {
  ATTUNE_RETURN_IF_ERROR(CheckAddress(options.setting, options.address));
  std::unique_ptr<HttpEndpoint> endpoint(
      new HttpEndpoint(options, std::move(handler)));
  mg_callbacks callbacks = {};
  callbacks.begin_request = Callbacks::BeginRequest;
  callbacks.http_error = Callbacks::Error;
  callbacks.log_message = Callbacks::LogMessage;
  callbacks.init_thread = Callbacks::InitThread;
  const char* settings[] = {"listening_ports",
                            options.address.c_str(),
                            "num_threads",
                            "4",
                            "request_timeout_ms",
                            kPieceTimeoutMs,
                            "enable_keep_alive",
                            "no",
                            "tcp_nodelay",
                            "1",
                            nullptr};
  endpoint->context_ = mg_start(&callbacks, endpoint.get(), settings);
  mg_server_port port = {};
  if (endpoint->context_ == nullptr ||
      mg_get_server_ports(endpoint->context_, 1, &port) != 1) {
    return absl::UnavailableError(
        absl::StrCat(options.setting, ": cannot listen on ", options.address));
  }
  endpoint->port_ = port.port;
  return endpoint;
}

HttpEndpoint::~HttpEndpoint() {
  if (context_ == nullptr) return;
  StopHttp(port_, [this] { mg_stop(context_); });
}

}  // namespace attune::server
