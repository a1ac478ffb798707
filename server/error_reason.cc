// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/error_reason.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"

namespace attune::server {
namespace {

constexpr char kReasonUrl[] = "attune.reason";

bool IsPathCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         c == '.' || c == '[' || c == ']';
}

}  // namespace

absl::Status WithReason(absl::Status status, std::string_view reason) {
  status.SetPayload(kReasonUrl, absl::Cord(std::string(reason)));
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  if (auto reason = status.GetPayload(kReasonUrl)) return std::string(*reason);
  if (status.code() == absl::StatusCode::kInvalidArgument &&
      !FieldOf(std::string(status.message())).empty()) {
    return "INVALID_FIELD";
  }
  return absl::StatusCodeToString(status.code());
}

std::string FieldOf(std::string_view message) {
  const size_t colon = message.find(':');
  if (colon == std::string_view::npos || colon == 0) return "";
  const std::string_view path = message.substr(0, colon);
  if (!std::all_of(path.begin(), path.end(), IsPathCharacter)) return "";
  if (!absl::ascii_islower(static_cast<unsigned char>(path[0]))) return "";
  return std::string(path);
}

}  // namespace attune::server
