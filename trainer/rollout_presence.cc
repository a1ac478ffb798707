// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "trainer/rollout_stream.h"

namespace attune::trainer {

RolloutPresence::RolloutPresence(redis::Connection& connection,
                                 std::string prefix, Kind kind)
    : connection_(connection),
      all_key_(absl::StrCat(
          prefix, kind == Kind::kRun ? "rollout:runs" : "rollout:workers")),
      key_prefix_(absl::StrCat(
          prefix, kind == Kind::kRun ? "rollout:run:" : "rollout:worker:")) {}

std::string RolloutPresence::KeyOf(const std::string& name) const {
  return key_prefix_ + name;
}

absl::Status RolloutPresence::Announce(const std::string& name,
                                       const std::string& value,
                                       absl::Duration how_long) {
  const std::string key = KeyOf(name);
  const std::string ms = absl::StrCat(absl::ToInt64Milliseconds(how_long));
  return connection_
      .RunAll({{"SET", key, value, "PX", ms}, {"SADD", all_key_, name}})
      .status();
}

absl::Status RolloutPresence::Leave(const std::string& name) {
  const std::string key = KeyOf(name);
  return connection_.RunAll({{"DEL", key}, {"SREM", all_key_, name}}).status();
}

absl::StatusOr<std::map<std::string, std::string>> RolloutPresence::All() {
  ATTUNE_ASSIGN_OR_RETURN(redis::Reply reply,
                          connection_.Run({"SMEMBERS", all_key_}));
  ATTUNE_ASSIGN_OR_RETURN(redis::Reply::List members, reply.TakeList());
  std::map<std::string, std::string> all;
  if (members.empty()) return all;
  std::vector<std::string> names;
  std::vector<std::string> keys;
  for (redis::Reply& member : members) {
    ATTUNE_ASSIGN_OR_RETURN(std::string name, member.TakeString());
    keys.push_back(KeyOf(name));
    names.push_back(std::move(name));
  }
  std::vector<std::string_view> get = {"MGET"};
  get.insert(get.end(), keys.begin(), keys.end());
  ATTUNE_ASSIGN_OR_RETURN(reply, connection_.Run(get));
  ATTUNE_ASSIGN_OR_RETURN(redis::Reply::List values, reply.TakeList());
  std::vector<std::string_view> remove = {"SREM", all_key_};
  for (size_t i = 0; i < std::min(names.size(), values.size()); ++i) {
    if (values[i].is_nil()) {
      remove.push_back(names[i]);
    } else {
      ATTUNE_ASSIGN_OR_RETURN(all[names[i]], values[i].TakeString());
    }
  }
  // Who comes back between MGET and SREM announces itself again soon.
  if (remove.size() > 2) {
    ATTUNE_RETURN_IF_ERROR(connection_.Run(remove).status());
  }
  return all;
}

}  // namespace attune::trainer
