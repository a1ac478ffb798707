// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIM_WORLD_H_
#define ATTUNE_TRAINER_SIM_WORLD_H_

// Simulated users whose best prompt is known.
//
// Items form clusters in embedding space; a user's history comes mostly from a
// few clusters. How well the simulated LLM ranks for user u with options a is
//   quality(u, a) = base + sum_k (common_k[a_k] + personal_k[a_k] . z_u)
//                 + sum_{k<l} pair_kl[a_k, a_l]
// where z_u, the taste, is a linear function of features that the user-state
// encoder computes from the history: a learner can know it only from there.
// The LLM scores the true item quality + position bias + Gumbel noise and every
// other candidate position bias + Gumbel noise. The expected NDCG@10 of every
// joint choice follows by quadrature, so the optimum is known.
//
// Thread-compatible: const methods may run concurrently.

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "policy/item.h"
#include "policy/item_table.h"
#include "policy/random.h"
#include "policy/revision.h"
#include "policy/user_state.h"
#include "trainer/environment.h"

namespace attune::trainer {

struct SimWorldOptions {
  int users = 1000;
  // A cluster has to hold more than a history and its candidates.
  int items = 300;
  int clusters = 8;
  int embedding_dim = 16;
  int min_history = 5;
  int max_history = 30;
  int candidates = 10;
  // Dimension of the taste z.
  int taste_dims = 4;
  // The encoder's, so that tastes are functions of what it computes.
  double recency_decay = 0.6;
  // Quality of an average choice, and the standard deviations of the effects of
  // one option and of one pair of options.
  double base_quality = 0.3;
  double common_effect = 0.25;
  double personal_effect = 0.34;
  double pair_effect = 0.06;
  // Advantage of the first displayed position over the last.
  double position_bias = 0.5;
  uint64_t seed = 1;
};

class SimWorld {
 public:
  SimWorld(SimWorldOptions options, std::vector<int> options_per_pattern);

  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  int num_users() const { return options_.users; }
  const SimWorldOptions& options() const { return options_; }

  // Users [0, num_train_users()) are for training, the others for measuring.
  int num_train_users() const { return options_.users - options_.users / 4; }
  // The problem of a user; only the displayed order depends on the draw and,
  // as in Environment, on the ordinal, which places the target.
  Task MakeTask(int user, int draw, int ordinal) const;

  // "item_embeddings", "item_popularity"; "item_ids", "item_titles" and
  // "item_genres": for the revision.
  std::vector<policy::NamedTensor> ItemTensors() const;
  std::vector<policy::NamedStrings> ItemStrings() const;

  // What Task::sim_task says.
  struct Place {
    int user = 0;
    int target_position = 0;
  };
  std::optional<Place> PlaceOf(int64_t sim_task) const;
  // Whether these are options of the catalog.
  bool Fits(absl::Span<const int> choice) const;

  // REQUIRES: Fits(choice).
  double Quality(int user, absl::Span<const int> choice) const;
  // Scores by displayed position of a noisy answer; the target is displayed at
  // `target_position`.
  std::vector<float> Answer(double quality, int target_position,
                            policy::Rng& rng) const;
  // Expected NDCG@10 of an answer of this quality, the target's position being
  // uniform.
  double ExpectedReward(double quality) const;

  // Expected rewards averaged over users: of the uniform policy, of each user's
  // best choice, and of the one choice that is best for all together.
  struct Bounds {
    double uniform = 0.0;
    double optimum = 0.0;
    double best_fixed = 0.0;
    // Where `value` lies between uniform (0) and the optimum (1).
    double Normalised(double value) const {
      return (value - uniform) / (optimum - uniform);
    }
  };
  // By enumerating every joint choice.
  Bounds BoundsOf(absl::Span<const int> users) const;

 private:
  std::vector<int> JointChoice(int64_t index) const;
  int64_t JointChoices() const;
  void MakeItems(policy::Rng& rng);
  void MakeUsers(policy::Rng& rng);
  void MakeTastes(policy::Rng& rng);
  void MakeEffects(policy::Rng& rng);
  void MakeRewardTable();
  double Bias(int position) const;

  SimWorldOptions options_;
  std::vector<int> options_per_pattern_;
  std::vector<int> offsets_;
  int total_options_ = 0;

  std::vector<policy::Item> items_;  // by id
  std::vector<int> cluster_of_;
  policy::RowMajorMatrix embeddings_;
  std::vector<float> popularity_;
  struct SimUser {
    std::vector<policy::Item> history;
    std::vector<policy::Item> candidates;
    int target = 0;
  };
  std::vector<SimUser> users_;
  policy::RowMajorMatrix tastes_;    // [users, taste_dims]
  Eigen::VectorXf common_;           // [total options]
  policy::RowMajorMatrix personal_;  // [total options, taste_dims]
  Eigen::MatrixXf pair_;             // [total options, total options]
  std::vector<double> reward_table_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIM_WORLD_H_
