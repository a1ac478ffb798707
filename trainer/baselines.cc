// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/baselines.h"

#include <utility>

#include "policy/random.h"
#include "policy/status_macros.h"
#include "trainer/item_index.h"
#include "trainer/item_knn.h"

namespace attune::trainer {
namespace {

uint64_t HashId(const std::string& id) {
  uint64_t hash = 0;
  for (const char c : id) {
    hash = policy::Mix64(hash ^ static_cast<unsigned char>(c));
  }
  return hash;
}

class RandomScorer : public Scorer {
 public:
  explicit RandomScorer(uint64_t seed) : seed_(seed) {}
  std::string name() const override { return "random"; }
  absl::StatusOr<std::vector<float>> Score(const Task& task) const override {
    std::vector<float> scores;
    for (const policy::Item& item : task.candidates) {
      policy::Rng rng(seed_ ^ HashId(item.id),
                      static_cast<uint64_t>(task.user));
      scores.push_back(rng.UnitFloat());
    }
    return scores;
  }

 private:
  uint64_t seed_;
};

class PopularityScorer : public Scorer {
 public:
  explicit PopularityScorer(const Dataset& dataset)
      : index_(dataset), counts_(dataset.TrainCounts()) {}
  std::string name() const override { return "popularity"; }
  absl::StatusOr<std::vector<float>> Score(const Task& task) const override {
    std::vector<float> scores;
    for (const policy::Item& item : task.candidates) {
      const int row = index_.Find(item.id);
      scores.push_back(row < 0 ? 0.0F : static_cast<float>(counts_[row]));
    }
    return scores;
  }

 private:
  ItemIndex index_;
  std::vector<int> counts_;
};

class ItemKnnScorer : public Scorer {
 public:
  ItemKnnScorer(const Dataset& dataset, float recency_decay)
      : index_(dataset), knn_(dataset, recency_decay) {}
  std::string name() const override { return "item_knn"; }
  absl::StatusOr<std::vector<float>> Score(const Task& task) const override {
    std::vector<int> history;
    for (const policy::Item& item : task.history) {
      history.push_back(index_.Find(item.id));
    }
    std::vector<float> scores;
    for (const policy::Item& item : task.candidates) {
      scores.push_back(knn_.Score(history, index_.Find(item.id)));
    }
    return scores;
  }

 private:
  ItemIndex index_;
  ItemKnn knn_;
};

class FoldInScorer : public Scorer {
 public:
  explicit FoldInScorer(const policy::Policy& policy) : policy_(policy) {}
  std::string name() const override { return "lightgcn"; }
  absl::StatusOr<std::vector<float>> Score(const Task& task) const override {
    policy::Request request;
    request.history = task.history;
    request.candidates = task.candidates;
    ATTUNE_ASSIGN_OR_RETURN(const policy::UserState state,
                            policy_.Encode(request));
    const Eigen::VectorXf& scores = state.candidate_scores;
    return std::vector<float>(scores.data(), scores.data() + scores.size());
  }

 private:
  const policy::Policy& policy_;
};

}  // namespace

std::unique_ptr<Scorer> MakeRandomScorer(uint64_t seed) {
  return std::make_unique<RandomScorer>(seed);
}

std::unique_ptr<Scorer> MakePopularityScorer(const Dataset& dataset) {
  return std::make_unique<PopularityScorer>(dataset);
}

std::unique_ptr<Scorer> MakeItemKnnScorer(const Dataset& dataset,
                                          float recency_decay) {
  return std::make_unique<ItemKnnScorer>(dataset, recency_decay);
}

std::unique_ptr<Scorer> MakeFoldInScorer(const policy::Policy& policy) {
  return std::make_unique<FoldInScorer>(policy);
}

absl::StatusOr<policy::Ranking> RankTask(const Scorer& scorer,
                                         const Task& task) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<float> scores, scorer.Score(task));
  std::vector<float> displayed;
  for (int i = 0; i < task.permutation.size(); ++i) {
    displayed.push_back(scores[task.permutation.CandidateAt(i)]);
  }
  return policy::RankByScore(displayed, task.permutation);
}

}  // namespace attune::trainer
