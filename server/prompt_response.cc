// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/prompt_response.h"

#include <string_view>

#include "attune/v1/prompt_service.pb.h"
#include "server/wire.h"

namespace attune::server {
namespace {

// One letter, as policy::Label, without making a string.
std::string_view LabelAt(int position) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  static_assert(kLetters.size() == policy::kMaxCandidates);
  return kLetters.substr(position, 1);
}

void WriteMessage(const policy::Message& message, WireWriter& writer) {
  using Proto = v1::Segment;
  writer.String(v1::Message::kRoleFieldNumber, message.role);
  for (const policy::Segment& segment : message.segments) {
    writer.Message(v1::Message::kSegmentsFieldNumber, [&] {
      writer.Number(Proto::kKindFieldNumber,
                    static_cast<uint64_t>(segment.kind));
      writer.String(Proto::kSourceFieldNumber, segment.source);
      writer.String(Proto::kTextFieldNumber, segment.text);
    });
  }
}

void WriteChoice(const policy::Catalog& catalog, const policy::Choice& choice,
                 WireWriter& writer) {
  using Proto = v1::PatternChoice;
  for (size_t k = 0; k < choice.patterns.size(); ++k) {
    const policy::Pattern& pattern = catalog.patterns[k];
    const policy::PatternChoice& chosen = choice.patterns[k];
    writer.Message(v1::Choice::kPatternsFieldNumber, [&] {
      writer.String(Proto::kPatternFieldNumber, pattern.name);
      writer.String(Proto::kOptionIdFieldNumber,
                    pattern.options[chosen.option].id);
      writer.Number(Proto::kOptionFieldNumber,
                    static_cast<uint64_t>(chosen.option));
      writer.Float(Proto::kProbabilityFieldNumber, chosen.probability);
    });
  }
  writer.Number(v1::Choice::kHistoryLengthFieldNumber,
                static_cast<uint64_t>(choice.history_length));
}

void WriteAnswer(const policy::Decision& decision,
                 absl::Span<const policy::Item> candidates,
                 WireWriter& writer) {
  using Proto = v1::AnswerContract;
  const policy::Permutation& shown = decision.permutation;
  writer.Number(Proto::kReadoutFieldNumber,
                static_cast<uint64_t>(decision.prompt.readout));
  for (int i = 0; i < shown.size(); ++i) {
    writer.Element(Proto::kLabelsFieldNumber, LabelAt(i));
  }
  for (int i = 0; i < shown.size(); ++i) {
    writer.Element(Proto::kDisplayedItemIdsFieldNumber,
                   candidates[shown.CandidateAt(i)].id);
  }
  for (const std::string& title : decision.prompt.displayed_titles) {
    writer.Element(Proto::kDisplayedTitlesFieldNumber, title);
  }
  writer.String(Proto::kPriorPrefixFieldNumber, decision.prompt.prior_prefix);
}

}  // namespace

void AppendResponse(const ServedDecision& served,
                    absl::Span<const policy::Item> candidates,
                    std::string* out) {
  using Proto = v1::GetPromptResponse;
  const policy::Decision& decision = served.decision;
  WireWriter writer(out);
  writer.String(Proto::kDecisionIdFieldNumber,
                HexOf(served.claims.decision_id));
  writer.String(Proto::kDecisionTokenFieldNumber, served.token);
  writer.String(Proto::kRevisionFieldNumber, served.revision->id());
  for (const policy::Message& message : decision.prompt.messages) {
    writer.LongMessage(Proto::kMessagesFieldNumber,
                       [&] { WriteMessage(message, writer); });
  }
  writer.LongMessage(Proto::kChoiceFieldNumber, [&] {
    WriteChoice(served.revision->policy().catalog(), decision.choice, writer);
  });
  writer.LongMessage(Proto::kAnswerFieldNumber,
                     [&] { WriteAnswer(decision, candidates, writer); });
  writer.Message(Proto::kExpireTimeFieldNumber, [&] {
    using Time = google::protobuf::Timestamp;
    const int64_t nanos = absl::ToUnixNanos(served.expire_time);
    writer.Number(Time::kSecondsFieldNumber,
                  static_cast<uint64_t>(nanos / 1000000000));
    writer.Number(Time::kNanosFieldNumber,
                  static_cast<uint64_t>(nanos % 1000000000));
  });
}

}  // namespace attune::server
