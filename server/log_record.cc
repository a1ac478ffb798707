// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_record.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "attune/v1/prompt_service.pb.h"
#include "policy/digest.h"

namespace attune::server {
namespace {

constexpr size_t kStateDigestBytes = 8;

void StateToProto(const Eigen::VectorXf& state, v1::LoggedDecision* proto) {
  Eigen::Index size = state.size();
  while (size > 0 && state[size - 1] == 0.0F) --size;
  proto->mutable_state()->Add(state.data(), state.data() + size);
  proto->set_state_dim(static_cast<int32_t>(state.size()));
  const std::string_view bytes(reinterpret_cast<const char*>(state.data()),
                               static_cast<size_t>(size) * sizeof(float));
  proto->set_state_digest(policy::Sha256(bytes).substr(0, kStateDigestBytes));
}

// The probabilities of all options of the next pattern, [n].
Eigen::VectorXf ProbabilitiesOf(const DecisionRecord& record,
                                absl::Span<const int> earlier, size_t offset) {
  const policy::Policy& policy = record.revision->policy();
  const size_t pattern = earlier.size();
  if (record.option_probabilities.empty()) {
    return policy.actor().Probabilities(static_cast<int>(pattern), record.state,
                                        earlier);
  }
  const size_t n = policy.catalog().patterns[pattern].options.size();
  return Eigen::VectorXf::Map(record.option_probabilities.data() + offset,
                              static_cast<Eigen::Index>(n));
}

void PatternsToProto(const DecisionRecord& record, v1::LoggedDecision* proto) {
  std::vector<int> earlier;
  size_t offset = 0;
  for (const policy::PatternChoice& chosen : record.choice.patterns) {
    v1::LoggedPattern* const pattern = proto->add_patterns();
    pattern->set_option(chosen.option);
    pattern->set_propensity(chosen.probability);
    const Eigen::VectorXf all = ProbabilitiesOf(record, earlier, offset);
    pattern->mutable_probabilities()->Add(all.data(), all.data() + all.size());
    earlier.push_back(chosen.option);
    offset += static_cast<size_t>(all.size());
  }
}

}  // namespace

DecisionRecord MakeRecord(std::shared_ptr<const policy::Revision> revision,
                          v1::DecisionMode mode,
                          absl::Span<const policy::Item> candidates,
                          policy::Decision* decision) {
  DecisionRecord record;
  record.revision = std::move(revision);
  record.option_probabilities =
      std::exchange(decision->choice.option_probabilities, {});
  record.choice = decision->choice;
  record.mode = mode;
  record.readout = decision->prompt.readout;
  record.state = std::move(decision->state.features);
  record.displayed_item_ids.reserve(candidates.size());
  for (int i = 0; i < decision->permutation.size(); ++i) {
    record.displayed_item_ids.emplace_back(
        candidates[decision->permutation.CandidateAt(i)].id);
  }
  return record;
}

void RecordToProto(const DecisionRecord& record, v1::LoggedDecision* proto) {
  const policy::Revision& revision = *record.revision;
  proto->set_policy(revision.manifest().policy());
  proto->set_revision(revision.id());
  proto->set_catalog_digest(revision.policy().catalog().digest);
  proto->set_mode(record.mode == v1::DECISION_MODE_UNSPECIFIED
                      ? v1::DECISION_MODE_SAMPLE
                      : record.mode);
  proto->set_readout(static_cast<v1::Readout>(record.readout));
  PatternsToProto(record, proto);
  proto->set_history_length(record.choice.history_length);
  StateToProto(record.state, proto);
  for (const std::string& id : record.displayed_item_ids) {
    proto->add_displayed_item_ids(id);
  }
  proto->set_role(static_cast<v1::DecisionRole>(record.role));
  if (record.role == TrafficRole::kShadow) {
    proto->set_served_decision_id(HexOf(record.served_decision_id));
  }
  if (record.request.empty()) return;
  v1::GetPromptRequest request;
  // What was answered can be parsed.
  if (!request.ParseFromString(record.request)) return;
  *proto->mutable_history() = std::move(*request.mutable_history());
  *proto->mutable_candidates() = std::move(*request.mutable_candidates());
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
