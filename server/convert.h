// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CONVERT_H_
#define ATTUNE_SERVER_CONVERT_H_

// Conversions between the API's messages and the policy library's values, as
// far as they are the server's alone (items are policy/item_proto.h's). Pure
// functions; safe to call from any thread.

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "attune/v1/policy_service.pb.h"
#include "attune/v1/prompt.pb.h"
#include "attune/v1/prompt_service.pb.h"
#include "policy/catalog.h"
#include "policy/choice.h"
#include "policy/item.h"
#include "policy/policy.h"
#include "server/revision_store.h"
#include "server/traffic_feed.h"

namespace attune::server {

// nullopt if unset. kInvalidArgument if the value is none of the enum's.
absl::StatusOr<std::optional<policy::Readout>> ReadoutFromProto(
    v1::Readout readout);

// How agents choose. kInvalidArgument if the value is none of the enum's, or
// APPRENTICE, in which they do not.
absl::StatusOr<policy::DecisionMode> DecisionModeFromProto(
    v1::DecisionMode mode);

// Options by pattern, the default one where `choices`, the field of that name,
// has none. kInvalidArgument if a pattern or an option does not exist or a
// pattern is named twice.
absl::StatusOr<std::vector<int>> OptionsFromProto(
    const char* field, const policy::Catalog& catalog,
    const google::protobuf::RepeatedPtrField<v1::PatternChoice>& choices);

// Candidates (indices) in the order of `item_ids`. kInvalidArgument if that is
// not at least one distinct candidate and nothing else.
absl::StatusOr<std::vector<int>> RankingFromProto(
    absl::Span<const policy::Item> candidates,
    const google::protobuf::RepeatedPtrField<std::string>& item_ids);

void ChoiceToProto(const policy::Catalog& catalog, const policy::Choice& choice,
                   v1::Choice* proto);

// Takes the messages out of the prompt.
void MessagesToProto(policy::RenderedPrompt&& prompt,
                     google::protobuf::RepeatedPtrField<v1::Message>* protos);

void AnswerToProto(const policy::Decision& decision,
                   absl::Span<const policy::Item> candidates,
                   v1::AnswerContract* proto);

// All of a preview. Takes the prompt out of the decision.
void DecisionToProto(const policy::Revision& revision,
                     policy::Decision&& decision,
                     absl::Span<const policy::Item> candidates,
                     v1::PreviewPromptResponse* proto);

// How much of the manifest a v1::Revision carries.
enum class ManifestView { kBasic, kFull };

void RevisionToProto(const StoredRevision& stored, const TrafficPlan& traffic,
                     ManifestView view, v1::Revision* proto);

void TrafficToProto(const TrafficPlan& plan, v1::Traffic* proto);
TrafficPlan TrafficFromProto(const v1::Traffic& proto);
void UpdateToProto(const TrafficUpdate& update,
                   v1::WatchRevisionsResponse* proto);

void TimeToProto(absl::Time time, google::protobuf::Timestamp* proto);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CONVERT_H_
