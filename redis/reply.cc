// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "redis/reply.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace attune::redis {

absl::Status Reply::Unexpected(const char* wanted) const {
  constexpr const char* kNames[] = {"nothing", "a number", "a string",
                                    "a list"};
  return absl::InternalError(absl::StrCat(
      "redis answered ", kNames[value_.index()], " instead of ", wanted));
}

absl::StatusOr<int64_t> Reply::Int() const {
  if (const auto* number = std::get_if<int64_t>(&value_)) return *number;
  int64_t number = 0;
  const auto* text = std::get_if<std::string>(&value_);
  if (text != nullptr && absl::SimpleAtoi(*text, &number)) return number;
  return Unexpected("a number");
}

absl::StatusOr<std::string> Reply::TakeString() {
  auto* text = std::get_if<std::string>(&value_);
  if (text == nullptr) return Unexpected("a string");
  return std::move(*text);
}

absl::StatusOr<Reply::List> Reply::TakeList() {
  auto* list = std::get_if<List>(&value_);
  if (list == nullptr) return Unexpected("a list");
  return std::move(*list);
}

}  // namespace attune::redis
