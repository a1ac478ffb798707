// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/item_knn.h"

#include <cmath>

namespace attune::trainer {
namespace {

float NormOf(const std::vector<int>& a, const std::vector<int>& b) {
  return std::sqrt(static_cast<float>(a.size()) * static_cast<float>(b.size()));
}

}  // namespace

ItemKnn::ItemKnn(const Dataset& dataset, float recency_decay)
    : users_of_(dataset.items.size()), recency_decay_(recency_decay) {
  for (const std::vector<Interaction>& history : dataset.TrainHistories()) {
    const int user = static_cast<int>(items_of_.size());
    std::vector<int>& items = items_of_.emplace_back();
    for (const Interaction& interaction : history) {
      items.push_back(interaction.item);
      users_of_[interaction.item].push_back(user);
    }
  }
}

float ItemKnn::Score(absl::Span<const int> history, int item) const {
  float sum = 0.0F;
  float weight = 1.0F;
  for (size_t i = history.size(); i-- > 0;) {
    sum += weight * Cosine(item, history[i]);
    weight *= recency_decay_;
  }
  return sum;
}

std::vector<float> ItemKnn::ScoreAll(absl::Span<const int> history) const {
  std::vector<float> scores(users_of_.size(), 0.0F);
  std::vector<int> common(users_of_.size(), 0);
  float weight = 1.0F;
  for (size_t i = history.size(); i-- > 0; weight *= recency_decay_) {
    if (history[i] < 0) continue;
    const std::vector<int>& users = users_of_[history[i]];
    for (const int user : users) {
      for (const int item : items_of_[user]) ++common[item];
    }
    for (const int user : users) {
      for (const int item : items_of_[user]) {
        if (common[item] == 0) continue;
        scores[item] += weight * static_cast<float>(common[item]) /
                        NormOf(users, users_of_[item]);
        common[item] = 0;
      }
    }
  }
  return scores;
}

// Of two ascending lists of users.
float ItemKnn::Cosine(int a, int b) const {
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
  return static_cast<float>(common) / NormOf(left, right);
}

}  // namespace attune::trainer
