// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIM_OPTIONS_H_
#define ATTUNE_TRAINER_SIM_OPTIONS_H_

// The settings of the simulated world, and what their numbers mean.
//
// Effects are in units of the LLM's noise: one candidate's score deviates by 1
// from task to task and choice to choice. Near chance one unit of quality is
// worth 0.155 NDCG@10 of ten candidates. `paper` in NDCG@10, means of ten worlds,
// with movies.yaml (and movies_paper.yaml), measured and held to by
// sim_calibration_test.cc:
//   standard deviation of an option's main effect         0.029 (0.030)
//   the same of a hint's                                  0.047
//   of an option's effect between users                   0.038 (0.035)
//   of one NDCG@10 given user and choice                  0.205 (0.209)
//   share of its variance that is the task's              0.43 (0.42)
//   uniform prompt, best fixed prompt, per-user optimum   0.477, 0.748, 0.862
//                                                         (0.467, 0.640, 0.725)
//   best fixed prompt, 0 uniform to 1 optimum             0.70 (0.67)
//   optimum if every sentence were rewritten best         1.37 (2.06)
// So 0.03 for a sentence as LLMRank reports, a range of some 0.14 of eight
// hints; RPP reports more. Personal effects are larger than those
// measured with a small real LLM, so that there is something to learn.
// Share of best fixed differs by world: 0.55 to 0.83 (0.50 to 0.86).

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace attune::trainer {

enum class SimSetting {
  kEasy,         // large effects, little noise: for quick tests
  kPaper,        // main effects and noise as LLMRank and RPP describe them
  kAdversarial,  // `paper` without any personal effect: nothing to claim
};

struct SimWorldOptions {
  // Users, items and their embeddings.
  int users = 1000;
  // A cluster has to hold more than a history and its candidates.
  int items = 300;
  int clusters = 8;
  int embedding_dim = 16;
  int min_history = 5;
  int max_history = 30;
  int candidates = 10;
  // The encoder's, so that tastes are functions of what it computes.
  double recency_decay = 0.6;

  // Mean quality of the choices of the first catalog; 0 ranks by chance.
  double base_quality = 0.0;
  // Standard deviation of a sentence's effect that is the same for all users;
  // hints have `hint_scale` times as large effects, main and personal.
  double main_effect = 0.0;
  double hint_scale = 1.7;
  // The same of an option's effect that differs between users.
  double personal_effect = 0.0;
  // Share of the variance of the users' latents that no feature of the state
  // foretells.
  double hidden_share = 0.05;
  // Standard deviation of the effect of a pair of options.
  double pair_effect = 0.0;
  // What a hidden better phrase adds to the quality of a sentence.
  double phrase_effect = 0.0;

  // Advantage of the first displayed position over the last.
  double position_bias = 0.0;
  // Standard deviations of a candidate's score: how the LLM likes this very
  // candidate whatever the prompt, how much it likes what is popular, and what
  // differs from choice to choice.
  double task_noise = 0.0;
  double popularity_bias = 0.0;
  double choice_noise = 0.0;
  // `generate`: mean share of answers that name no candidate, and of those that
  // leave out the last three; each format option has shares of its own between
  // 0 and twice the mean.
  double failed_answers = 0.03;
  double partial_answers = 0.05;
  uint64_t seed = 1;
};

SimWorldOptions SimSettingOptions(SimSetting setting, uint64_t seed);

// "easy", "paper" or "adversarial"; kInvalidArgument otherwise.
absl::StatusOr<SimSetting> ParseSimSetting(std::string_view name);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIM_OPTIONS_H_
