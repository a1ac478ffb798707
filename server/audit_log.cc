// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/audit_log.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/status_macros.h"
#include "server/file_io.h"

namespace attune::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kNotApplied[] = "not_applied";
// More than any entry has.
constexpr int64_t kReadBytes = 64 << 10;

Json ToJson(const TrafficPlan& plan) {
  Json json = {{"active", plan.active}};
  if (!plan.canary.empty()) {
    json["canary"] = plan.canary;
    json["canary_share"] = plan.canary_share;
  }
  if (!plan.shadow.empty()) json["shadow"] = plan.shadow;
  return json;
}

std::string LineOf(const AuditEntry& entry, const std::string& previous) {
  Json json = {{"time", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", entry.time,
                                         absl::UTCTimeZone())},
               {"sequence", entry.sequence},
               {"action", entry.action},
               {"who", entry.note.who},
               {"reason", entry.note.reason},
               {"before", ToJson(entry.before)},
               {"after", ToJson(entry.after)}};
  if (!entry.revision.empty()) json["revision"] = entry.revision;
  json["previous"] = previous;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The parsed line; a discarded value if it is none of ours.
Json ParseLine(std::string_view line) {
  Json json = Json::parse(line, nullptr, false);
  const bool ours = json.is_object() && json.contains("previous") &&
                    json["previous"].is_string() && json.contains("sequence") &&
                    json["sequence"].is_number_integer() &&
                    json.contains("action") && json["action"].is_string();
  return ours ? json : Json(Json::value_t::discarded);
}

// Calls `each(line, json)` for each of our lines.
template <typename Each>
void ForEachLine(std::string_view bytes, const Each& each) {
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    const Json json = ParseLine(line);
    if (!json.is_discarded()) each(line, json);
  }
}

}  // namespace

absl::StatusOr<AuditLog> AuditLog::Open(std::string path) {
  AuditLog log(std::move(path));
  ATTUNE_RETURN_IF_ERROR(log.ReadEnd());
  return log;
}

absl::Status AuditLog::ReadEnd() {
  auto end = ReadFileEnd(path_, kReadBytes);
  if (absl::IsNotFound(end.status())) return absl::OkStatus();
  ATTUNE_RETURN_IF_ERROR(end.status());
  ends_in_line_break_ = end->empty() || end->back() == '\n';
  ForEachLine(*end, [this](std::string_view line, const Json& json) {
    last_digest_ = policy::Sha256Hex(line);
    const int64_t sequence = json["sequence"];
    announced_ = json["action"] == kNotApplied ? sequence - 1 : sequence;
  });
  return absl::OkStatus();
}

absl::Status AuditLog::Append(const AuditEntry& entry) {
  if (may_hold_more_) ATTUNE_RETURN_IF_ERROR(ReadEnd());
  may_hold_more_ = false;
  const std::string line = LineOf(entry, last_digest_);
  const absl::Status status = AppendToFile(
      path_, absl::StrCat(ends_in_line_break_ ? "" : "\n", line, "\n"));
  if (!status.ok()) {
    // Part of the line may be there, or all of it, unsynced.
    may_hold_more_ = true;
    return status;
  }
  ends_in_line_break_ = true;
  last_digest_ = policy::Sha256Hex(line);
  announced_ =
      entry.action == kNotApplied ? entry.sequence - 1 : entry.sequence;
  return absl::OkStatus();
}

absl::Status VerifyAuditLog(std::string_view bytes) {
  std::string digest;
  absl::Status status;
  int number = 0;
  ForEachLine(bytes, [&](std::string_view line, const Json& json) {
    ++number;
    if (status.ok() && json["previous"] != digest) {
      status = absl::DataLossError(absl::StrCat(
          "audit log: entry ", number, " does not follow from the one before"));
    }
    digest = policy::Sha256Hex(line);
  });
  return status;
}

std::vector<std::string> ReadLastEntries(const std::string& path, size_t most) {
  std::vector<std::string> lines;
  const auto end = ReadFileEnd(path, kReadBytes);
  if (!end.ok()) return lines;
  ForEachLine(*end, [&lines](std::string_view line, const Json&) {
    lines.emplace_back(line);
  });
  std::reverse(lines.begin(), lines.end());
  if (lines.size() > most) lines.resize(most);
  return lines;
}

}  // namespace attune::server
