// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_BASELINES_H_
#define ATTUNE_TRAINER_BASELINES_H_

// Rankers without an LLM, which every prompt is compared with. They learn from
// Dataset::TrainHistories() only; cold items score 0.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/policy.h"
#include "policy/ranking.h"
#include "trainer/dataset.h"
#include "trainer/environment.h"

namespace attune::trainer {

// Thread-compatible: const methods may run concurrently.
class Scorer {
 public:
  virtual ~Scorer() = default;
  virtual std::string name() const = 0;
  // One score a candidate (caller's order), larger is better; finite.
  virtual absl::StatusOr<std::vector<float>> Score(const Task& task) const = 0;
};

// "random": a function of the seed, the user and the candidates.
std::unique_ptr<Scorer> MakeRandomScorer(uint64_t seed);

// "popularity": interactions in training.
std::unique_ptr<Scorer> MakePopularityScorer(const Dataset& dataset);

// "item_knn": trainer/item_knn.h.
std::unique_ptr<Scorer> MakeItemKnnScorer(const Dataset& dataset,
                                          float recency_decay = 0.7F);

// "lightgcn": the collaborative scores that `policy`'s hints speak of, that is
// the history folded into the item embeddings. `policy` must outlive the
// scorer.
std::unique_ptr<Scorer> MakeFoldInScorer(const policy::Policy& policy);

// The task's candidates by score; ties keep the displayed order, in which the
// target's position is stratified.
absl::StatusOr<policy::Ranking> RankTask(const Scorer& scorer,
                                         const Task& task);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_BASELINES_H_
