// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/prompt.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

std::vector<std::string> ToVector(
    const google::protobuf::RepeatedPtrField<std::string>& field) {
  return {field.begin(), field.end()};
}

policy::Readout ToReadout(v1::Readout readout) {
  switch (readout) {
    case v1::READOUT_LABELS:
      return policy::Readout::kLabels;
    case v1::READOUT_LIKELIHOOD:
      return policy::Readout::kLikelihood;
    default:
      return policy::Readout::kGenerate;
  }
}

absl::StatusOr<AnswerContract> ToAnswer(const v1::AnswerContract& proto) {
  if (proto.displayed_titles_size() != proto.displayed_item_ids_size() ||
      proto.labels_size() != proto.displayed_item_ids_size()) {
    return absl::InternalError(
        "answer: the server's lists of labels, ids and titles differ in "
        "length");
  }
  return AnswerContract{
      .readout = ToReadout(proto.readout()),
      .labels = ToVector(proto.labels()),
      .displayed_item_ids = ToVector(proto.displayed_item_ids()),
      .displayed_titles = ToVector(proto.displayed_titles()),
      .prior_prefix = proto.prior_prefix()};
}

PromptMessage ToMessage(const v1::Message& proto) {
  PromptMessage message{.role = proto.role(), .text = ""};
  for (const v1::Segment& segment : proto.segments()) {
    message.text += segment.text();
  }
  return message;
}

// What both responses have.
template <typename Response>
absl::StatusOr<Prompt> CommonFromProto(const Response& response) {
  Prompt prompt;
  prompt.revision = response.revision();
  for (const auto& message : response.messages()) {
    prompt.messages.push_back(ToMessage(message));
  }
  for (const auto& pattern : response.choice().patterns()) {
    prompt.choice.push_back({.pattern = pattern.pattern(),
                             .option_id = pattern.option_id(),
                             .probability = pattern.probability()});
  }
  prompt.history_length = response.choice().history_length();
  ATTUNE_ASSIGN_OR_RETURN(prompt.answer, ToAnswer(response.answer()));
  return prompt;
}

}  // namespace

absl::StatusOr<Prompt> FromProto(const v1::GetPromptResponse& response) {
  ATTUNE_ASSIGN_OR_RETURN(Prompt prompt, CommonFromProto(response));
  prompt.decision_id = response.decision_id();
  prompt.decision_token = response.decision_token();
  if (response.has_expire_time()) {
    prompt.expire_time =
        absl::FromUnixSeconds(response.expire_time().seconds()) +
        absl::Nanoseconds(response.expire_time().nanos());
  }
  return prompt;
}

absl::StatusOr<Prompt> FromProto(const v1::PreviewPromptResponse& response) {
  return CommonFromProto(response);
}

}  // namespace attune::client
