// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_ROLES_H_
#define ATTUNE_SERVER_ROLES_H_

// Who is what: the roles of a caller, by the names that its certificate has.
// What a role may call is in role_table.h. Pure functions and values.
//
// Example of a roles file, YAML or JSON:
//   spiffe://shop.example/backend: [client, feedback_writer]
//   trainer.shop.example: [trainer]

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace attune::server {

enum class Role { kClient, kFeedbackWriter, kTrainer, kOperator, kMetrics };
inline constexpr int kRoles = 5;

// A set of roles.
class RoleSet {
 public:
  constexpr RoleSet() = default;
  constexpr RoleSet(std::initializer_list<Role> roles) {
    for (const Role role : roles) bits_ |= Bit(role);
  }

  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool Has(Role role) const { return (bits_ & Bit(role)) != 0; }
  constexpr bool Meets(RoleSet other) const {
    return (bits_ & other.bits_) != 0;
  }
  constexpr void Add(RoleSet other) { bits_ |= other.bits_; }
  // "client, feedback_writer".
  std::string ToString() const;

  friend constexpr bool operator==(RoleSet, RoleSet) = default;

 private:
  static constexpr unsigned Bit(Role role) {
    return 1U << static_cast<int>(role);
  }

  unsigned bits_ = 0;
};

// As a roles file has it: "client", "feedback_writer", "trainer", "operator",
// "metrics".
const char* RoleName(Role role);

// Subject alternative name -> roles. Names are compared whole, byte by byte.
using Roles = std::map<std::string, RoleSet, std::less<>>;

// Reads the text of a roles file. kInvalidArgument, with the line, if there is
// no name, a name twice, a name without a role, or a role that there is not.
absl::StatusOr<Roles> ParseRoles(const std::string& text);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_ROLES_H_
