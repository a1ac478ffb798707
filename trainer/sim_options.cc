// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_options.h"

namespace attune::trainer {

SimWorldOptions SimSettingOptions(SimSetting setting, uint64_t seed) {
  SimWorldOptions options{.main_effect = 0.19,
                          .personal_effect = 0.22,
                          .pair_effect = 0.04,
                          .phrase_effect = 0.55,
                          .position_bias = 0.6,
                          .task_noise = 0.68,
                          .popularity_bias = 0.30,
                          .choice_noise = 0.67,
                          .seed = seed};
  switch (setting) {
    case SimSetting::kPaper:
      break;
    case SimSetting::kEasy:
      options.main_effect = 0.2;
      options.personal_effect = 0.22;
      options.phrase_effect = 1.1;
      options.task_noise = 0.3;
      options.popularity_bias = 0.15;
      options.choice_noise = 0.35;
      options.hidden_share = 0.0;
      break;
    case SimSetting::kAdversarial:
      options.personal_effect = 0.0;
      break;
  }
  return options;
}

absl::StatusOr<SimSetting> ParseSimSetting(std::string_view name) {
  if (name == "easy") return SimSetting::kEasy;
  if (name == "paper") return SimSetting::kPaper;
  if (name == "adversarial") return SimSetting::kAdversarial;
  return absl::InvalidArgumentError(
      "--sim-setting: must be easy, paper or adversarial");
}

}  // namespace attune::trainer
