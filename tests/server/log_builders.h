// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_LOG_BUILDERS_H_
#define ATTUNE_TESTS_SERVER_LOG_BUILDERS_H_

// Decisions and feedback for the tests of the decision log.

#include <memory>
#include <string>
#include <vector>

#include "policy/catalog.h"
#include "policy/revision.h"
#include "server/log_reader.h"
#include "server/log_record.h"
#include "tests/server/tagged_catalog.h"

namespace attune::server {

inline const absl::Time kLogNow = absl::FromUnixSeconds(1764000000);

inline std::shared_ptr<const policy::Revision> LogRevision() {
  static const auto* const revision =
      new std::shared_ptr<const policy::Revision>(policy::Revision::Uniform(
          policy::Catalog::Parse(TaggedCatalogYaml("log")).value(),
          policy::Readout::kLikelihood));
  return *revision;
}

inline DecisionId IdOf(int number) {
  DecisionId id = {};
  id[0] = static_cast<uint8_t>(number);
  id[1] = static_cast<uint8_t>(number >> 8);
  id[15] = 1;
  return id;
}

inline UserPseudonym UserOf(char letter) {
  UserPseudonym user;
  user.fill(static_cast<uint8_t>(letter));
  user[0] = 0x9e;  // not what anything else of a row looks like
  return user;
}

// In displayed order.
inline std::vector<policy::Item> LogItems(
    const std::vector<std::string>& ids = {"item-b", "item-a", "item-c"}) {
  std::vector<policy::Item> items;
  for (const std::string& id : ids) items.push_back({.id = id, .title = id});
  return items;
}

// The last option of each pattern, drawn uniformly; five numbers and three
// zeros of state.
inline policy::Decision LogDecision(int candidates) {
  policy::Decision decision;
  for (const auto& pattern : LogRevision()->policy().catalog().patterns) {
    const size_t n = pattern.options.size();
    const float probability = 1.0F / static_cast<float>(n);
    decision.choice.patterns.push_back(
        {.option = static_cast<int>(n) - 1, .probability = probability});
    decision.choice.option_probabilities.insert(
        decision.choice.option_probabilities.end(), n, probability);
  }
  decision.choice.history_length = 3;
  decision.state.features = Eigen::VectorXf::LinSpaced(8, 1.0F, 8.0F);
  decision.state.features.tail(3).setZero();
  decision.permutation = policy::Permutation::Identity(candidates);
  decision.prompt.readout = policy::Readout::kLikelihood;
  return decision;
}

inline DecisionRecord MakeDecision(
    int number, const UserPseudonym& user = UserOf('a'),
    absl::Time time = kLogNow,
    const std::vector<policy::Item>& candidates = LogItems()) {
  DecisionRecord record{
      .decision_id = IdOf(number), .time = time, .user = user};
  AppendRecord({.revision = *LogRevision(),
                .decision = LogDecision(static_cast<int>(candidates.size())),
                .candidates = candidates},
               &record.bytes);
  return record;
}

inline FeedbackRecord MakeFeedback(int number, float reward = 0.5F,
                                   const UserPseudonym& user = UserOf('a'),
                                   absl::Time issued = kLogNow) {
  FeedbackRecord record;
  record.decision_id = IdOf(number);
  record.issue_time = issued;
  record.user = user;
  record.feedback.set_reward(reward);
  return record;
}

// Every decision of a file.
inline std::vector<v1::LoggedDecision> ReadAll(const std::string& path) {
  std::vector<v1::LoggedDecision> decisions;
  int64_t after = 0;
  while (true) {
    auto page = ReadDecisions(path, nullptr, after, 1000, false);
    if (!page.ok()) return {};
    for (auto& decision : *page->response.mutable_decisions()) {
      decisions.push_back(decision);
    }
    if (page->at_end) return decisions;
    after = page->last;
  }
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_LOG_BUILDERS_H_
