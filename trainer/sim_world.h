// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIM_WORLD_H_
#define ATTUNE_TRAINER_SIM_WORLD_H_

// Simulated users and an LLM whose best prompt for each is known.
//
// How well the LLM ranks for user u with options a is a quality: additive plus
// pairwise effects, some of them personal (sim_effects.h). A candidate's score
// is its position's bias + popularity bias + how the LLM likes it (fixed for a
// task, whatever the prompt) + noise of this choice; the true item gets the
// quality on top. The expected NDCG@10 of every joint choice follows exactly
// (sim_reward.h), so the optimum is known. What of the truth a learner may know
// is the requests and the rewards; all else follows from the seed alone.
//
// Thread-compatible: const methods may run concurrently.

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "policy/catalog.h"
#include "policy/choice.h"
#include "policy/revision.h"
#include "trainer/environment.h"
#include "trainer/sim_effects.h"
#include "trainer/sim_options.h"
#include "trainer/sim_phrases.h"
#include "trainer/sim_reward.h"
#include "trainer/sim_users.h"

namespace attune::trainer {

class SimWorld {
 public:
  SimWorld(SimWorldOptions options, const policy::Catalog& catalog);

  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // Goes on with another catalog, for instance one with rewritten sentences.
  // Options that both have keep their effects; users and tasks stay.
  void SetCatalog(const policy::Catalog& catalog);

  const SimWorldOptions& options() const { return options_; }
  const SimPhrases& phrases() const { return phrases_; }
  const SimUsers& users() const { return users_; }
  int num_users() const { return options_.users; }
  // Users [0, num_train_users()) are for training, the others for measuring.
  int num_train_users() const { return options_.users - options_.users / 4; }
  std::vector<int> HeldOutUsers() const;

  // The `draw`-th problem of a user, whose candidates depend on user and draw;
  // the true item's displayed position is (ordinal + draw) mod candidates.
  // REQUIRES: 0 <= draw < 2^20.
  Task MakeTask(int user, int draw, int ordinal) const;

  // What Task::sim_task says.
  struct Place {
    int user = 0;
    int draw = 0;
    int target_position = 0;
  };
  std::optional<Place> PlaceOf(int64_t sim_task) const;
  // Whether these are options of the catalog.
  bool Fits(absl::Span<const int> choice) const;

  // REQUIRES: Fits(choice).
  double Quality(int user, absl::Span<const int> choice) const;
  // Expected NDCG@10 of the choice for the user's tasks, the true item being
  // displayed at every position equally often. Exact, but that `generate`
  // answers without the last three candidates count as whole (less than 0.002).
  double ExpectedReward(
      int user, absl::Span<const int> choice,
      policy::Readout readout = policy::Readout::kLikelihood) const;

  // One answer: a function of task, choice and seed. Noise of the choice is
  // independent between choices even if the seed is the same.
  struct SimAnswer {
    std::vector<float> scores;  // by displayed position
    // `generate`: the number of candidates named, best first.
    int named = 0;
  };
  SimAnswer Answer(const Place& place, absl::Span<const int> choice,
                   uint64_t seed) const;

  // Of the catalog, by pattern.
  const std::vector<std::vector<OptionEffects>>& effects() const {
    return effects_;
  }
  // Quality of a choice without any effects.
  double base() const { return base_; }
  const SimReward& reward() const { return reward_; }

 private:
  struct Failures {
    double failed = 0.0;
    double partial = 0.0;
  };
  // A task without the items' texts; in the caller's order.
  struct Layout {
    SimUsers::Candidates drawn;
    int target = 0;
    policy::Permutation displayed = policy::Permutation::Identity(0);
  };
  Layout LayoutOf(int user, int draw, int position) const;
  double MeanEffect() const;
  Failures FailuresOf(absl::Span<const int> choice) const;

  SimWorldOptions options_;
  SimPhrases phrases_;
  SimUsers users_;
  SimReward reward_;
  std::vector<std::vector<OptionEffects>> effects_;
  // Of every choice: the first catalog's mean quality is base_quality.
  double base_ = 0.0;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIM_WORLD_H_
