// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIM_USERS_H_
#define ATTUNE_TRAINER_SIM_USERS_H_

// The simulated users: what they watched, what they are asked about, and the
// latents that decide which prompt suits them.
//
// Items form clusters in embedding space; a history comes mostly from two of
// them. A user has kLatents latents of mean 0 and variance 1: the memory length
// (how much history the LLM should see; from the length of the history) and
// tastes (the strongest directions of the folded-in embeddings). All but
// `hidden_share` of their variance is a linear function of what the user-state
// encoder computes.
//
// Thread-compatible: const methods may run concurrently.

#include <Eigen/Core>
#include <vector>

#include "policy/item.h"
#include "policy/random.h"
#include "policy/revision.h"
#include "trainer/sim_options.h"

namespace attune::trainer {

class SimUsers {
 public:
  // Latent 0 is the memory length.
  static constexpr int kLatents = 4;

  // One draw's candidates; index 0 is the true item.
  struct Candidates {
    std::vector<int> items;
    // How the LLM likes each, in standard deviations: independent of item,
    // user and draw, though liked items are more often those that fit the user.
    std::vector<float> merits;
  };

  explicit SimUsers(const SimWorldOptions& options);

  const std::vector<policy::Item>& HistoryOf(int user) const {
    return users_[user].history;
  }
  Candidates DrawCandidates(int user, int draw) const;
  // [users, kLatents]
  const Eigen::MatrixXf& latents() const { return latents_; }
  const policy::Item& item(int index) const { return items_[index]; }
  // Of mean 0 and variance 1 within each cluster.
  float ItemPopularity(int index) const { return popularity_[index]; }

  // "item_embeddings", "item_popularity"; "item_ids", "item_titles" and
  // "item_genres": for the revision.
  std::vector<policy::NamedTensor> ItemTensors() const;
  std::vector<policy::NamedStrings> ItemStrings() const;

 private:
  struct User {
    int favourites[2] = {};
    std::vector<policy::Item> history;
    std::vector<bool> seen;  // by item
  };

  void MakeItems(policy::Rng& rng);
  void MakePopularity(policy::Rng& rng);
  User MakeUser(policy::Rng& rng) const;
  void MakeLatents(policy::Rng& rng);
  int DrawItem(int cluster, policy::Rng& rng) const;

  SimWorldOptions options_;
  std::vector<policy::Item> items_;
  std::vector<std::vector<int>> clusters_;
  Eigen::MatrixXf embeddings_;  // [items, embedding_dim]
  std::vector<float> popularity_;
  std::vector<User> users_;
  Eigen::MatrixXf latents_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIM_USERS_H_
