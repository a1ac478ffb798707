// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/shared_records.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "policy/names.h"
#include "policy/revision.h"
#include "policy/status_macros.h"
#include "server/traffic_state_json.h"

namespace attune::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxRecordBytes = size_t{1} << 20;
// Of a file that is no mistake.
constexpr int64_t kMaxBytes = int64_t{1} << 40;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Discarded if it is no object.
Json ParseObject(const std::string& bytes) {
  if (bytes.size() > kMaxRecordBytes) return Json(Json::value_t::discarded);
  Json json = Json::parse(bytes, nullptr, false);
  return json.is_object() ? json : Json(Json::value_t::discarded);
}

// Empty if there is none.
std::string Text(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : "";
}

// -1 if there is none.
int64_t Number(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer()
             ? found->get<int64_t>()
             : -1;
}

}  // namespace

SharedRevision RecordOf(const StoredRevision& revision) {
  return {.id = revision.revision->id(),
          .digest = revision.revision->digest(),
          .byte_size = revision.revision->byte_size(),
          .push_time = revision.push_time,
          .signature = revision.signature};
}

std::string PrintRevision(const SharedRevision& revision) {
  Json json = {{"id", revision.id},
               {"digest", revision.digest},
               {"byte_size", revision.byte_size},
               {"push_millis", absl::ToUnixMillis(revision.push_time)}};
  if (revision.signature.has_value()) {
    json["signature"] =
        absl::BytesToHexString(revision.signature->SerializeAsString());
  }
  return Dump(json);
}

absl::StatusOr<SharedRevision> ParseRevision(const std::string& bytes) {
  const absl::Status bad =
      absl::DataLossError("redis: a revision's record is damaged");
  const Json json = ParseObject(bytes);
  if (json.is_discarded()) return bad;
  SharedRevision revision = {.id = Text(json, "id"),
                             .digest = Text(json, "digest"),
                             .byte_size = Number(json, "byte_size")};
  const int64_t millis = Number(json, "push_millis");
  if (!policy::IsSha256Hex(revision.digest) ||
      revision.id != policy::RevisionIdOfDigest(revision.digest) ||
      revision.byte_size < 1 || revision.byte_size > kMaxBytes || millis < 0) {
    return bad;
  }
  revision.push_time = absl::FromUnixMillis(millis);
  const std::string hex = Text(json, "signature");
  if (hex.empty()) return revision;
  revision.signature.emplace();
  if (hex.size() % 2 != 0 ||
      hex.find_first_not_of("0123456789abcdef") != std::string::npos ||
      !revision.signature->ParseFromString(absl::HexStringToBytes(hex))) {
    return bad;
  }
  return revision;
}

std::string PrintTraffic(const SharedTraffic& traffic) {
  return Dump({{"sequence", traffic.state.sequence},
               {"action", traffic.action},
               {"who", traffic.note.who},
               {"reason", traffic.note.reason},
               {"replica", traffic.replica},
               {"state", Json::parse(PrintTrafficState(traffic.state))}});
}

absl::StatusOr<SharedTraffic> ParseTraffic(const std::string& bytes) {
  const absl::Status bad =
      absl::DataLossError("redis: the traffic's record is damaged");
  const Json json = ParseObject(bytes);
  if (json.is_discarded() || !json.contains("state")) return bad;
  auto state = ParseTrafficState(json["state"].dump());
  if (!state.ok() || state->sequence != Number(json, "sequence") ||
      state->sequence < 1) {
    return bad;
  }
  return SharedTraffic{
      .state = *std::move(state),
      .action = Text(json, "action"),
      .note = {.who = Text(json, "who"), .reason = Text(json, "reason")},
      .replica = Text(json, "replica")};
}

}  // namespace attune::server
