// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ACTOR_NETWORK_H_
#define ATTUNE_TRAINER_ACTOR_NETWORK_H_

// The agents' heads and the GRU of policy/actor.h and policy/gru.h in libtorch,
// where they can be trained. Export() gives tensors with which policy::Actor
// computes the same numbers.
//
// The network standardises the state; Export() folds that into w1 and c1, so
// that serving needs to know nothing of it.
//
// libtorch's types are in actor_network_torch.h, for the learners' .cc files.
// Not thread-safe; owned by a learner.

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "policy/actor.h"
#include "policy/item_table.h"
#include "policy/revision.h"

namespace attune::trainer {

// Everything but the weights.
struct NetworkSpec {
  // kIndependent or kAutoregressive.
  policy::HeadsSettings heads = {.kind = policy::HeadsKind::kAutoregressive,
                                 .hidden = 64,
                                 .score_dim = 32,
                                 .exploration_floor = 0.05F};
  // Length of UserState::features.
  int state_dim = 0;
  // Parallel: names and numbers of options, in catalog order.
  std::vector<std::string> patterns;
  std::vector<int> options_per_pattern;
  // [total options, e]
  policy::RowMajorMatrix option_embeddings;
  // Dimensions of the GRU's input and state; no GRU if gru_hidden is 0.
  int item_dim = 0;
  int gru_hidden = 0;
  uint64_t seed = 1;

  int TotalOptions() const;
};

class ActorNetwork {
 public:
  struct Impl;

  // Random weights from the spec's seed. REQUIRES: a spec that fits itself.
  explicit ActorNetwork(NetworkSpec spec);
  ~ActorNetwork();

  // Fixes the standardisation: means and standard deviations of the columns of
  // `states` [B, state_dim]. Columns that hardly vary keep their scale.
  void Standardise(const policy::RowMajorMatrix& states);

  // "option_projection", "head.<pattern>.*" and "gru.*".
  std::vector<policy::NamedTensor> Export() const;

  // libtorch's own forward pass, for the parity tests: logits and
  // probabilities (with the exploration floor) of one pattern, and the GRU's
  // last state after `inputs` [T, item_dim].
  Eigen::VectorXf Logits(int pattern, const Eigen::VectorXf& state,
                         absl::Span<const int> earlier_options) const;
  Eigen::VectorXf Probabilities(int pattern, const Eigen::VectorXf& state,
                                absl::Span<const int> earlier_options) const;
  Eigen::VectorXf RunGru(const policy::RowMajorMatrix& inputs) const;

  const NetworkSpec& spec() const { return spec_; }
  Impl& impl() { return *impl_; }
  const Impl& impl() const { return *impl_; }

 private:
  NetworkSpec spec_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ACTOR_NETWORK_H_
