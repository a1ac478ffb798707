// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIM_EFFECTS_H_
#define ATTUNE_TRAINER_SIM_EFFECTS_H_

// What the options of a catalog do to the simulated LLM: a function of the
// world's seed, the pattern and the option's settings and sentence, so that an
// option that joins the catalog later has effects too, and a rewritten sentence
// those of its parent as far as it shares words.
//
// Every option has standard normal traits, part of them those of its words,
// part its own. quality(u, a) = base + sum_k (main[a_k] + personal[a_k] . z_u)
// + sum_{k<l} pair[a_k] . pair[a_l], with z_u the latents of sim_users.h.
// History lengths also have a kernel: long histories suit long memories.
//
// Thread-compatible: const methods may run concurrently.

#include <Eigen/Core>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "policy/catalog.h"
#include "trainer/sim_options.h"
#include "trainer/sim_phrases.h"
#include "trainer/sim_users.h"

namespace attune::trainer {

struct OptionEffects {
  double main = 0.0;
  Eigen::Vector<double, SimUsers::kLatents> personal =
      Eigen::Vector<double, SimUsers::kLatents>::Zero();
  Eigen::Vector4d pair = Eigen::Vector4d::Zero();
  // Format options: shares of `generate` answers that name no candidate, and
  // that leave some out.
  double failed = 0.0;
  double partial = 0.0;
};

// Pure.
OptionEffects EffectsOf(const policy::Catalog& catalog,
                        const policy::Pattern& pattern,
                        const policy::Option& option,
                        const SimWorldOptions& options,
                        const SimPhrases& phrases);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIM_EFFECTS_H_
