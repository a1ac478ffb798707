// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIMULATED_REWRITER_H_
#define ATTUNE_TRAINER_SIMULATED_REWRITER_H_

// The rewriter of the simulated world (sim_rewriter.h), for runs without any
// LLM. Not thread-safe.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/random.h"
#include "trainer/rewriter.h"
#include "trainer/sim_rewriter.h"

namespace attune::trainer {

class SimulatedRewriter final : public Rewriter {
 public:
  absl::StatusOr<std::vector<std::string>> Rewrite(
      const RewriteRequest& request) override {
    policy::Rng rng(request.seed, /*stream=*/0x72657772);
    return SimRewrites(request.sentence, request.count, rng);
  }
  std::string Model() const override { return "sim"; }
  std::string InstructionVersion() const override { return "sim-1"; }
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIMULATED_REWRITER_H_
