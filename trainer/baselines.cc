// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/baselines.h"

#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "policy/random.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

// Item ids of a data set; -1 for unknown ones.
class ItemIndex {
 public:
  explicit ItemIndex(const Dataset& dataset) {
    for (size_t i = 0; i < dataset.items.size(); ++i) {
      index_.emplace(dataset.items[i].id, static_cast<int>(i));
    }
  }
  int Find(const std::string& id) const {
    const auto it = index_.find(id);
    return it == index_.end() ? -1 : it->second;
  }

 private:
  absl::flat_hash_map<std::string, int> index_;
};

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
      : index_(dataset),
        users_of_(dataset.items.size()),
        recency_decay_(recency_decay) {
    for (const int user : dataset.UsersOf(UserSplit::kTrain)) {
      const auto& all = dataset.users[user].interactions;
      for (size_t i = 0; i + 1 < all.size(); ++i) {
        users_of_[all[i].item].push_back(user);
      }
    }
  }
  std::string name() const override { return "item_knn"; }
  absl::StatusOr<std::vector<float>> Score(const Task& task) const override {
    std::vector<float> scores;
    for (const policy::Item& item : task.candidates) {
      const int candidate = index_.Find(item.id);
      float sum = 0.0F;
      float weight = 1.0F;
      for (size_t i = task.history.size(); i-- > 0;) {
        sum += weight * Cosine(candidate, index_.Find(task.history[i].id));
        weight *= recency_decay_;
      }
      scores.push_back(sum);
    }
    return scores;
  }

 private:
  // Of two ascending lists of users.
  float Cosine(int a, int b) const {
    if (a < 0 || b < 0 || users_of_[a].empty() || users_of_[b].empty()) {
      return 0.0F;
    }
    const std::vector<int>& left = users_of_[a];
    const std::vector<int>& right = users_of_[b];
    int common = 0;
    for (size_t i = 0, j = 0; i < left.size() && j < right.size();) {
      if (left[i] == right[j]) ++common;
      const bool advance_left = left[i] <= right[j];
      const bool advance_right = right[j] <= left[i];
      i += advance_left ? 1 : 0;
      j += advance_right ? 1 : 0;
    }
    return static_cast<float>(common) /
           std::sqrt(static_cast<float>(left.size()) *
                     static_cast<float>(right.size()));
  }

  ItemIndex index_;
  std::vector<std::vector<int>> users_of_;  // per item, ascending
  float recency_decay_;
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
