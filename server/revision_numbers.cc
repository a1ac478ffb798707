// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/revision_numbers.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/names.h"
#include "server/error_reason.h"

namespace attune::server {
namespace {

using Json = nlohmann::ordered_json;

absl::Status NotNew(const std::string& why) {
  return WithReason(absl::FailedPreconditionError(
                        absl::StrCat("header.signature.number: ", why)),
                    "REVISION_NUMBER_NOT_NEW");
}

bool ParseEntry(const Json& json, RevisionNumbers* numbers) {
  if (!json.is_object()) return false;
  const Json policy = json.value("policy", Json());
  const Json number = json.value("number", Json());
  const Json digest = json.value("digest", Json());
  if (!policy.is_string() || !policy::IsName(policy.get<std::string>()) ||
      !number.is_number_integer() || number.get<int64_t>() < 1 ||
      !digest.is_string() || !policy::IsSha256Hex(digest.get<std::string>())) {
    return false;
  }
  return numbers
      ->emplace(policy.get<std::string>(),
                HighestNumber{number.get<int64_t>(), digest.get<std::string>()})
      .second;
}

}  // namespace

absl::Status CheckNumber(const NumberClaim& claim) {
  if (claim.number == claim.accepted_as) {
    if (!claim.activates || claim.number == claim.highest) {
      return absl::OkStatus();
    }
    return NotNew(
        "a push does not bring an older revision back; `attune activate` does");
  }
  if (claim.number <= claim.highest) {
    return NotNew(absl::StrCat("must be above ", claim.highest,
                               ", the highest one accepted for the policy"));
  }
  if (claim.number - claim.highest > kMaxNumberStep) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "header.signature.number: at most ", kMaxNumberStep, " above ",
            claim.highest, ", the highest one accepted for the policy")),
        "REVISION_NUMBER_TOO_HIGH");
  }
  return absl::OkStatus();
}

std::string PrintNumbers(const RevisionNumbers& numbers) {
  Json policies = Json::array();
  for (const auto& [policy, highest] : numbers) {
    policies.push_back({{"policy", policy},
                        {"number", highest.number},
                        {"digest", highest.digest}});
  }
  return Json({{"format", 1}, {"policies", std::move(policies)}}).dump(2) +
         "\n";
}

absl::StatusOr<RevisionNumbers> ParseNumbers(std::string_view bytes) {
  const Json json = Json::parse(bytes, nullptr, false);
  RevisionNumbers numbers;
  bool good = json.is_object() && json.value("format", Json()) == 1 &&
              json.value("policies", Json()).is_array();
  if (good) {
    for (const Json& entry : json["policies"]) {
      good = good && ParseEntry(entry, &numbers);
    }
  }
  if (good) return numbers;
  return absl::DataLossError(
      "numbers.json: damaged; without it nobody knows which revisions are new: "
      "restore it");
}

}  // namespace attune::server
