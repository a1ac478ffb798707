// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/console_preview.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "attune/v1/prompt_service.pb.h"
#include "policy/item_proto.h"
#include "policy/policy.h"
#include "policy/status_macros.h"
#include "server/convert.h"
#include "server/message_json.h"

namespace attune::server {
namespace {

using Json = nlohmann::ordered_json;

absl::StatusOr<v1::GetPromptRequest> Parse(std::string_view json) {
  v1::GetPromptRequest request;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &request);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "request: not the JSON of one: ", std::string(status.message())));
  }
  if (request.has_previous()) {
    return absl::InvalidArgumentError("previous: not here");
  }
  return request;
}

// What an option puts into the prompt.
std::string TextOf(const policy::Pattern& pattern,
                   const policy::Option& option) {
  if (pattern.kind != policy::PatternKind::kHistory) return option.text;
  const char* which =
      option.selection == policy::HistorySelection::kHeaviest  ? "heaviest"
      : option.selection == policy::HistorySelection::kNearest ? "nearest"
                                                               : "most recent";
  return absl::StrCat(
      option.history_length,
      option.history_length == 1 ? " item: the " : " items: the ", which);
}

Json Patterns(const policy::Catalog& catalog, const policy::Choice& choice) {
  Json json = Json::array();
  size_t next = 0;
  for (size_t k = 0; k < catalog.patterns.size(); ++k) {
    const policy::Pattern& pattern = catalog.patterns[k];
    Json options = Json::array();
    for (const policy::Option& option : pattern.options) {
      options.push_back({{"option_id", option.id},
                         {"text", TextOf(pattern, option)},
                         {"probability", choice.option_probabilities[next++]}});
    }
    json.push_back({{"pattern", pattern.name},
                    {"chosen", choice.patterns[k].option},
                    {"default", pattern.default_option},
                    {"options", std::move(options)}});
  }
  return json;
}

Json Items(const policy::Policy& policy, absl::Span<const policy::Item> items) {
  Json json = Json::array();
  for (const policy::Item& item : items) {
    json.push_back({{"item_id", item.id},
                    {"title", item.title},
                    {"known", policy.encoder().items().Find(item.id) >= 0}});
  }
  return json;
}

// With the scores that hints speak of.
Json Candidates(const policy::Policy& policy,
                absl::Span<const policy::Item> items,
                const policy::UserState& state) {
  Json json = Items(policy, items);
  for (size_t i = 0; i < items.size(); ++i) {
    json[i]["score"] = state.candidate_scores[static_cast<Eigen::Index>(i)];
  }
  return json;
}

}  // namespace

absl::StatusOr<std::string> PreviewJson(const RevisionRegistry& registry,
                                        std::string_view json) {
  ATTUNE_ASSIGN_OR_RETURN(v1::GetPromptRequest request, Parse(json));
  const auto revision = request.revision().empty()
                            ? registry.Current()
                            : registry.Find(request.revision());
  if (revision == nullptr) return absl::NotFoundError("revision: not loaded");
  const policy::Policy& policy = revision->policy();
  const auto history = policy::TakeItems(*request.mutable_history());
  const auto candidates = policy::TakeItems(*request.mutable_candidates());
  policy::Request decide{.history = history, .candidates = candidates};
  ATTUNE_ASSIGN_OR_RETURN(decide.mode, DecisionModeFromProto(request.mode()));
  ATTUNE_ASSIGN_OR_RETURN(decide.readout, ReadoutFromProto(request.readout()));
  decide.seed = request.seed();
  ATTUNE_ASSIGN_OR_RETURN(policy::Decision decision, policy.Decide(decide));

  Json items = {{"history", Items(policy, history)},
                {"candidates", Candidates(policy, candidates, decision.state)}};
  Json patterns = Patterns(policy.catalog(), decision.choice);
  v1::PreviewPromptResponse response;
  DecisionToProto(*revision, std::move(decision), candidates, &response);
  Json answer = MessageToJson(response);
  answer["patterns"] = std::move(patterns);
  answer["items"] = std::move(items);
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace attune::server
