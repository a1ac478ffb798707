// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_EVALUATION_H_
#define ATTUNE_TRAINER_EVALUATION_H_

// Everything that an evaluation reports, and its two forms: a table for people
// and JSON for programs ("attune.evaluation/1"). Plain data; pure functions.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "policy/catalog.h"
#include "trainer/breakdown.h"
#include "trainer/headroom.h"
#include "trainer/oracle_table.h"
#include "trainer/statistics.h"
#include "trainer/study.h"

namespace attune::trainer {

struct SliceHeadroom {
  Slice slice = Slice::kAll;
  Headroom headroom;
};

// A learner with one thing taken away; what is lost is full minus ablated.
struct Ablation {
  std::string name;
  Interval ndcg_at_10;
  Interval difference;  // ablated minus full
};

struct CurvePoint {
  int64_t llm_calls = 0;  // rankings learned from so far
  double reward = 0.0;    // mean of the round
};
struct LearningCurve {
  std::string method;
  uint64_t seed = 0;
  std::vector<CurvePoint> points;
};

// A prompt that a search found, for one seed.
struct FoundPrompt {
  std::string method;  // "best_fixed", "edit_search"
  uint64_t seed = 0;
  FixedOptions options;
  int llm_rankings = 0;
  double validation_ndcg = 0.0;  // in the search: optimistic
};

struct Evaluation {
  std::string dataset;
  std::string llm;
  std::string readout;
  std::shared_ptr<const policy::Catalog> catalog;
  int candidates = 0;
  std::string negatives;
  int64_t budget = 0;
  std::vector<uint64_t> seeds;
  int tasks = 0;
  int users = 0;
  double chance_ndcg = 0.0;
  std::vector<MethodSummary> methods;
  std::vector<Comparison> comparisons;
  std::vector<ShuffleDrop> shuffle;
  std::vector<SliceHeadroom> headroom;
  std::vector<NamedEffect> effects;
  std::vector<Ablation> ablations;
  std::vector<PositionPoint> positions;
  std::vector<ChoiceShares> choices;
  std::vector<LearningCurve> curves;
  std::vector<FoundPrompt> found;
};

// Of fixed width: methods by slice, comparisons, the shuffle test, headroom,
// effects that differ between users, ablations.
std::string ToTable(const Evaluation& evaluation);
// One object; every list is there, possibly empty.
std::string ToJson(const Evaluation& evaluation);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_EVALUATION_H_
