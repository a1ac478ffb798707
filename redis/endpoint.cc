// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "redis/endpoint.h"

#include <charconv>
#include <optional>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"

namespace attune::redis {
namespace {

constexpr std::string_view kScheme = "redis://";
constexpr int kMaxDatabase = 1 << 20;

absl::Status Bad(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(
      "redis URL: ", std::string(what),
      "; must be redis://[user[:password]@]host[:port][/database]"));
}

bool ConsumePrefix(std::string_view* text, std::string_view prefix) {
  if (text->substr(0, prefix.size()) != prefix) return false;
  text->remove_prefix(prefix.size());
  return true;
}

std::optional<int> ParseInt(std::string_view text, int least, int most) {
  int value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  if (value < least || value > most) return {};
  return value;
}

std::optional<std::string> PercentDecoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc() || end != digits.data() + 2) return {};
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

absl::Status ParseCredentials(std::string_view text, Endpoint* endpoint) {
  const size_t colon = text.find(':');
  const bool has_password = colon != std::string_view::npos;
  const auto user = PercentDecoded(text.substr(0, colon));
  const auto password =
      PercentDecoded(has_password ? text.substr(colon + 1) : "");
  if (!user.has_value() || !password.has_value()) {
    return Bad("user or password has a '%' without two hexadecimal digits");
  }
  if (password->empty() && (has_password || user->empty())) {
    return Bad("the password is empty");
  }
  endpoint->user = *user;
  endpoint->password = *password;
  return absl::OkStatus();
}

absl::Status ParseAddress(std::string_view text, Endpoint* endpoint) {
  std::string_view port;
  if (!text.empty() && text[0] == '[') {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return Bad("'[' has no ']'");
    endpoint->host = std::string(text.substr(1, end - 1));
    port = text.substr(end + 1);
  } else {
    const size_t colon = text.find(':');
    endpoint->host = std::string(text.substr(0, colon));
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (endpoint->host.empty()) return Bad("there is no host");
  if (port.empty()) return absl::OkStatus();
  const auto number =
      port[0] == ':' ? ParseInt(port.substr(1), 1, 65535) : std::nullopt;
  if (!number.has_value()) return Bad("the port must be 1 to 65535");
  endpoint->port = *number;
  return absl::OkStatus();
}

}  // namespace

std::string Endpoint::Name() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return absl::StrCat(is_v6 ? "[" : "", host, is_v6 ? "]" : "", ":", port, "/",
                      database);
}

std::string WithoutPassword(std::string_view url) {
  const size_t at = url.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  return absl::StrCat(std::string(kScheme), std::string(url.substr(at + 1)));
}

absl::StatusOr<Endpoint> ParseUrl(std::string_view url) {
  if (url.substr(0, 9) == "rediss://") {
    return Bad("TLS (rediss://) is not supported; put a TLS proxy beside us");
  }
  if (!ConsumePrefix(&url, kScheme)) {
    return Bad("it does not begin with redis://");
  }
  Endpoint endpoint;
  // A password may have an '@'; a host has none.
  const size_t at = url.rfind('@');
  if (at != std::string_view::npos) {
    ATTUNE_RETURN_IF_ERROR(ParseCredentials(url.substr(0, at), &endpoint));
    url.remove_prefix(at + 1);
  }
  const size_t slash = url.find('/');
  ATTUNE_RETURN_IF_ERROR(ParseAddress(url.substr(0, slash), &endpoint));
  if (slash == std::string_view::npos || slash + 1 == url.size()) {
    return endpoint;
  }
  const auto database = ParseInt(url.substr(slash + 1), 0, kMaxDatabase);
  if (!database.has_value()) return Bad("the database must be a number");
  endpoint.database = *database;
  return endpoint;
}

}  // namespace attune::redis
