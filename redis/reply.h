// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_REDIS_REPLY_H_
#define ATTUNE_REDIS_REPLY_H_

// What Redis answered, as a value. An error is not one: it becomes a status
// (error.h).
//
// Example:
//   ATTUNE_ASSIGN_OR_RETURN(Reply reply, connection.Run({"GET", key}));
//   if (reply.is_nil()) return absl::NotFoundError("...");
//   ATTUNE_ASSIGN_OR_RETURN(std::string value, reply.TakeString());
//
// Thread-compatible: const methods may run concurrently.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace attune::redis {

class Reply {
 public:
  using List = std::vector<Reply>;

  // Nil: what was asked for is not there.
  Reply() = default;
  explicit Reply(int64_t value) : value_(value) {}
  // A string or a status line such as OK.
  explicit Reply(std::string value) : value_(std::move(value)) {}
  explicit Reply(List value) : value_(std::move(value)) {}

  bool is_nil() const { return std::holds_alternative<Nil>(value_); }

  // kInternal if the reply is of another kind: then it is not Redis that answers,
  // or the command was another one. Int() also reads a string of digits.
  absl::StatusOr<int64_t> Int() const;
  absl::StatusOr<std::string> TakeString();
  absl::StatusOr<List> TakeList();

 private:
  using Nil = std::monostate;
  absl::Status Unexpected(const char* wanted) const;

  std::variant<Nil, int64_t, std::string, List> value_;
};

}  // namespace attune::redis

#endif  // ATTUNE_REDIS_REPLY_H_
