// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/convert.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "policy/ranking.h"

namespace attune::server {
namespace {

// The values of these enums are equal, so that a cast converts them.
static_assert(
    static_cast<int>(policy::Readout::kGenerate) == v1::READOUT_GENERATE &&
    static_cast<int>(policy::Readout::kLabels) == v1::READOUT_LABELS &&
    static_cast<int>(policy::Readout::kLikelihood) == v1::READOUT_LIKELIHOOD);
static_assert(static_cast<int>(policy::SegmentKind::kInstruction) ==
                  v1::SEGMENT_KIND_INSTRUCTION &&
              static_cast<int>(policy::SegmentKind::kUntrustedData) ==
                  v1::SEGMENT_KIND_UNTRUSTED_DATA);

absl::Status FieldError(const char* field, int index, const char* name,
                        const char* problem) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, "[", index, "]", name, ": ", problem));
}

v1::RevisionState StateOf(const std::string& id, const TrafficPlan& traffic) {
  return id == traffic.active   ? v1::REVISION_STATE_ACTIVE
         : id == traffic.canary ? v1::REVISION_STATE_CANARY
         : id == traffic.shadow ? v1::REVISION_STATE_SHADOW
                                : v1::REVISION_STATE_READY;
}

}  // namespace

absl::StatusOr<std::optional<policy::Readout>> ReadoutFromProto(
    v1::Readout readout) {
  if (readout == v1::READOUT_UNSPECIFIED) {
    return std::optional<policy::Readout>();
  }
  if (!v1::Readout_IsValid(readout)) {
    return absl::InvalidArgumentError("readout: not a value of the enum");
  }
  return std::optional(static_cast<policy::Readout>(readout));
}

absl::StatusOr<policy::DecisionMode> DecisionModeFromProto(
    v1::DecisionMode mode) {
  switch (mode) {
    case v1::DECISION_MODE_UNSPECIFIED:
    case v1::DECISION_MODE_SAMPLE:
      return policy::DecisionMode::kSample;
    case v1::DECISION_MODE_GREEDY:
      return policy::DecisionMode::kGreedy;
    default:
      return absl::InvalidArgumentError("mode: not a value of the enum");
  }
}

absl::StatusOr<std::vector<int>> OptionsFromProto(
    const char* field, const policy::Catalog& catalog,
    const google::protobuf::RepeatedPtrField<v1::PatternChoice>& choices) {
  std::vector<int> options;
  for (const policy::Pattern& pattern : catalog.patterns) {
    options.push_back(pattern.default_option);
  }
  std::vector<bool> named(options.size());
  for (int i = 0; i < choices.size(); ++i) {
    const int pattern = catalog.FindPattern(choices[i].pattern());
    if (pattern < 0) {
      return FieldError(field, i, ".pattern", "not in the catalog");
    }
    if (named[pattern]) {
      return FieldError(field, i, ".pattern", "named before");
    }
    named[pattern] = true;
    options[pattern] = catalog.FindOption(pattern, choices[i].option_id());
    if (options[pattern] < 0) {
      return FieldError(field, i, ".option_id", "not in the catalog");
    }
  }
  return options;
}

absl::StatusOr<std::vector<int>> RankingFromProto(
    absl::Span<const policy::Item> candidates,
    const google::protobuf::RepeatedPtrField<std::string>& item_ids) {
  constexpr const char* kField = "previous.ranked_item_ids";
  if (item_ids.empty() ||
      item_ids.size() > static_cast<int>(candidates.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat(kField, ": must be 1 to ", candidates.size(), " ids"));
  }
  std::vector<int> ranking;
  for (int i = 0; i < item_ids.size(); ++i) {
    const auto found = std::find_if(
        candidates.begin(), candidates.end(),
        [&](const policy::Item& item) { return item.id == item_ids[i]; });
    if (found == candidates.end()) {
      return FieldError(kField, i, "", "not the id of a candidate");
    }
    const int candidate = static_cast<int>(found - candidates.begin());
    if (std::count(ranking.begin(), ranking.end(), candidate) > 0) {
      return FieldError(kField, i, "", "repeats an earlier one");
    }
    ranking.push_back(candidate);
  }
  return ranking;
}

void ChoiceToProto(const policy::Catalog& catalog, const policy::Choice& choice,
                   v1::Choice* proto) {
  proto->set_history_length(choice.history_length);
  for (size_t i = 0; i < choice.patterns.size(); ++i) {
    const policy::Pattern& pattern = catalog.patterns[i];
    const policy::PatternChoice& chosen = choice.patterns[i];
    auto* entry = proto->add_patterns();
    entry->set_pattern(pattern.name);
    entry->set_option_id(pattern.options[chosen.option].id);
    entry->set_option(chosen.option);
    entry->set_probability(chosen.probability);
  }
}

void MessagesToProto(policy::RenderedPrompt&& prompt,
                     google::protobuf::RepeatedPtrField<v1::Message>* protos) {
  for (policy::Message& message : prompt.messages) {
    v1::Message* proto = protos->Add();
    proto->set_role(message.role);
    for (policy::Segment& segment : message.segments) {
      v1::Segment* out = proto->add_segments();
      out->set_kind(static_cast<v1::SegmentKind>(segment.kind));
      out->set_source(segment.source);
      out->set_text(std::move(segment.text));
    }
  }
}

void AnswerToProto(const policy::Decision& decision,
                   absl::Span<const policy::Item> candidates,
                   v1::AnswerContract* proto) {
  proto->set_readout(static_cast<v1::Readout>(decision.prompt.readout));
  for (int i = 0; i < decision.permutation.size(); ++i) {
    proto->add_labels(policy::Label(i));
    proto->add_displayed_item_ids(
        candidates[decision.permutation.CandidateAt(i)].id);
  }
  for (const std::string& title : decision.prompt.displayed_titles) {
    proto->add_displayed_titles(title);
  }
  proto->set_prior_prefix(decision.prompt.prior_prefix);
}

void DecisionToProto(const policy::Revision& revision,
                     policy::Decision&& decision,
                     absl::Span<const policy::Item> candidates,
                     v1::PreviewPromptResponse* proto) {
  proto->set_revision(revision.id());
  ChoiceToProto(revision.policy().catalog(), decision.choice,
                proto->mutable_choice());
  AnswerToProto(decision, candidates, proto->mutable_answer());
  MessagesToProto(std::move(decision.prompt), proto->mutable_messages());
}

void TrafficToProto(const TrafficPlan& plan, v1::Traffic* proto) {
  proto->set_active(plan.active);
  proto->set_shadow(plan.shadow);
  if (plan.canary.empty()) return;
  proto->mutable_canary()->set_revision(plan.canary);
  proto->mutable_canary()->set_share(static_cast<float>(plan.canary_share));
}

TrafficPlan TrafficFromProto(const v1::Traffic& proto) {
  return {.active = proto.active(),
          .canary = proto.canary().revision(),
          .canary_share = proto.canary().share(),
          .shadow = proto.shadow()};
}

void UpdateToProto(const TrafficUpdate& update,
                   v1::WatchRevisionsResponse* proto) {
  TrafficToProto(update.plan, proto->mutable_traffic());
  proto->set_sequence(update.sequence);
  proto->set_missed_changes(update.missed);
  if (update.action.empty()) return;
  v1::TrafficChange* change = proto->mutable_change();
  change->set_action(update.action);
  change->set_who(update.note.who);
  change->set_reason(update.note.reason);
  TimeToProto(update.time, change->mutable_change_time());
}

void RevisionToProto(const StoredRevision& stored, const TrafficPlan& traffic,
                     ManifestView view, v1::Revision* proto) {
  const policy::Revision& revision = *stored.revision;
  proto->set_revision_id(revision.id());
  proto->set_digest(revision.digest());
  proto->set_state(StateOf(revision.id(), traffic));
  proto->set_byte_size(revision.byte_size());
  TimeToProto(stored.push_time, proto->mutable_push_time());
  if (stored.signature.has_value()) {
    *proto->mutable_signature() = *stored.signature;
  }
  v1::RevisionManifest* manifest = proto->mutable_manifest();
  *manifest = revision.manifest();
  if (view == ManifestView::kFull) return;
  manifest->clear_catalog_yaml();
  manifest->clear_tensors();
  manifest->clear_string_tables();
  manifest->clear_golden_vectors();
}

void TimeToProto(absl::Time time, google::protobuf::Timestamp* proto) {
  const int64_t nanos = absl::ToUnixNanos(time);
  proto->set_seconds(nanos / 1000000000);
  proto->set_nanos(static_cast<int32_t>(nanos % 1000000000));
}

}  // namespace attune::server
