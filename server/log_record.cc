// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_record.h"

#include <algorithm>
#include <cstring>

#include "attune/v1/prompt_service.pb.h"
#include "policy/digest.h"
#include "server/wire.h"

namespace attune::server {
namespace {

using Logged = v1::LoggedDecision;

constexpr size_t kStateDigestBytes = 8;

// [n] Without the zeros at its end.
absl::Span<const float> Trimmed(const Eigen::VectorXf& state) {
  Eigen::Index size = state.size();
  while (size > 0 && state[size - 1] == 0.0F) --size;
  return {state.data(), static_cast<size_t>(size)};
}

void AppendPatterns(const policy::Catalog& catalog,
                    const policy::Choice& choice, std::string* out) {
  WireWriter writer(out);
  absl::Span<const float> rest = choice.option_probabilities;
  for (size_t k = 0; k < choice.patterns.size(); ++k) {
    const size_t n = catalog.patterns[k].options.size();
    writer.Message(Logged::kPatternsFieldNumber, [&] {
      writer.Number(v1::LoggedPattern::kOptionFieldNumber,
                    static_cast<uint64_t>(choice.patterns[k].option));
      writer.Float(v1::LoggedPattern::kPropensityFieldNumber,
                   choice.patterns[k].probability);
      writer.Floats(v1::LoggedPattern::kProbabilitiesFieldNumber,
                    rest.first(n));
    });
    rest.remove_prefix(n);
  }
}

// The history and the candidates of the request, as they are there.
void AppendItems(std::string_view request, WireWriter* writer) {
  WireReader reader(request);
  while (reader.Next()) {
    // A field of another type is none of ours; bytes() would be the field's
    // before it.
    if (reader.type() != WireReader::Type::kBytes) continue;
    if (reader.field() == v1::GetPromptRequest::kHistoryFieldNumber) {
      writer->Element(Logged::kHistoryFieldNumber, reader.bytes());
    } else if (reader.field() == v1::GetPromptRequest::kCandidatesFieldNumber) {
      writer->Element(Logged::kCandidatesFieldNumber, reader.bytes());
    }
  }
}

}  // namespace

void AppendRecord(const DecisionToLog& source, std::string* out) {
  const policy::Revision& revision = source.revision;
  const policy::Catalog& catalog = revision.policy().catalog();
  const policy::Decision& decision = source.decision;
  const Eigen::VectorXf& state = decision.state.features;
  WireWriter writer(out);
  writer.String(Logged::kPolicyFieldNumber, revision.manifest().policy());
  writer.String(Logged::kRevisionFieldNumber, revision.id());
  writer.String(Logged::kCatalogDigestFieldNumber, catalog.digest);
  writer.Number(Logged::kModeFieldNumber,
                source.mode == v1::DECISION_MODE_UNSPECIFIED
                    ? v1::DECISION_MODE_SAMPLE
                    : source.mode);
  writer.Number(Logged::kReadoutFieldNumber,
                static_cast<uint64_t>(decision.prompt.readout));
  AppendPatterns(catalog, decision.choice, out);
  writer.Number(Logged::kHistoryLengthFieldNumber,
                static_cast<uint64_t>(decision.choice.history_length));
  writer.Floats(Logged::kStateFieldNumber, Trimmed(state));
  writer.Number(Logged::kStateDimFieldNumber,
                static_cast<uint64_t>(state.size()));
  for (int i = 0; i < decision.permutation.size(); ++i) {
    writer.Element(Logged::kDisplayedItemIdsFieldNumber,
                   source.candidates[decision.permutation.CandidateAt(i)].id);
  }
  AppendItems(source.request, &writer);
  writer.Number(Logged::kRoleFieldNumber, static_cast<uint64_t>(source.role));
  if (source.role == TrafficRole::kShadow) {
    writer.String(Logged::kServedDecisionIdFieldNumber,
                  HexOf(*source.served_decision_id));
  }
}

std::string StateDigest(absl::Span<const float> state) {
  return policy::Sha256({reinterpret_cast<const char*>(state.data()),
                         state.size() * sizeof(float)})
      .substr(0, kStateDigestBytes);
}

int64_t RowChecksum(std::string_view key, std::string_view record) {
  uint64_t hash = 0x9E3779B97F4A7C15ULL ^ record.size();
  const auto mix = [&hash](std::string_view bytes) {
    for (size_t i = 0; i < bytes.size(); i += sizeof(uint64_t)) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i,
                  std::min(sizeof(word), bytes.size() - i));
      hash = (hash ^ word) * 0xBF58476D1CE4E5B9ULL;
      hash ^= hash >> 29;
    }
  };
  mix(key);
  mix(record);
  return static_cast<int64_t>(hash);
}

}  // namespace attune::server
