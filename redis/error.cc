// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "redis/error.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace attune::redis {
namespace {

struct Word {
  std::string_view word;
  absl::StatusCode code;
};

constexpr Word kWords[] = {
    {"WRONGPASS", absl::StatusCode::kUnauthenticated},
    {"NOAUTH", absl::StatusCode::kUnauthenticated},
    {"NOPERM", absl::StatusCode::kPermissionDenied},
    {"READONLY", absl::StatusCode::kFailedPrecondition},
    {"WRONGTYPE", absl::StatusCode::kFailedPrecondition},
    {"OOM", absl::StatusCode::kResourceExhausted},
    {"LOADING", absl::StatusCode::kUnavailable},
    {"BUSY", absl::StatusCode::kUnavailable},
    {"MISCONF", absl::StatusCode::kUnavailable},
    {"MASTERDOWN", absl::StatusCode::kUnavailable},
    {"CLUSTERDOWN", absl::StatusCode::kUnavailable},
    {"NOREPLICAS", absl::StatusCode::kUnavailable},
    {"TRYAGAIN", absl::StatusCode::kUnavailable},
    {"BUSYGROUP", absl::StatusCode::kAlreadyExists},
    {"NOGROUP", absl::StatusCode::kNotFound},
    {"NOSCRIPT", absl::StatusCode::kNotFound},
    {"UNBLOCKED", absl::StatusCode::kNotFound},
};

bool Contains(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

absl::StatusCode CodeOf(std::string_view message) {
  const std::string_view first = message.substr(0, message.find(' '));
  for (const Word& word : kWords) {
    if (word.word == first) return word.code;
  }
  // What servers say about passwords that have no word of their own for it.
  if (Contains(message, "AUTH") || Contains(message, "invalid password")) {
    return absl::StatusCode::kUnauthenticated;
  }
  if (Contains(message, "max number of clients")) {
    return absl::StatusCode::kUnavailable;
  }
  return absl::StatusCode::kInternal;
}

bool IsReadOnly(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) &&
         Contains(std::string(status.message()), "READONLY");
}

}  // namespace

absl::Status ErrorOf(std::string_view where, std::string_view message) {
  return absl::Status(
      CodeOf(message),
      absl::StrCat("redis ", std::string(where), ": ", std::string(message)));
}

bool IsTransient(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || IsAboutConnection(status);
}

bool IsAboutConnection(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsUnauthenticated(status) ||
         absl::IsPermissionDenied(status) || IsReadOnly(status);
}

const char* KindOf(const absl::Status& status) {
  if (IsReadOnly(status)) return "readonly";
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return "unavailable";
    case absl::StatusCode::kUnauthenticated:
      return "unauthenticated";
    case absl::StatusCode::kPermissionDenied:
      return "permission";
    case absl::StatusCode::kResourceExhausted:
      return "oom";
    default:
      return "other";
  }
}

}  // namespace attune::redis
