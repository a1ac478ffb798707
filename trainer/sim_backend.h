// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIM_BACKEND_H_
#define ATTUNE_TRAINER_SIM_BACKEND_H_

// The simulated LLM: answers prompts of SimWorld's tasks the way a real one
// would, with scores or with text, so that they are decoded by the same code.
//
// It reads the task and the options from the request, never the prompt's text;
// answers are a function of these and the request's seed. With a rate it takes
// as long as an LLM of that speed, to measure what the rest of a run costs.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "trainer/llm_backend.h"
#include "trainer/sim_world.h"

namespace attune::trainer {

// Thread-compatible: const methods may run concurrently.
class SimBackend final : public LlmBackend {
 public:
  struct Pause {
    // Rankings a second; 0 takes no time.
    double rate = 0.0;
    // Waits so many seconds. REQUIRES: set if rate > 0.
    std::function<void(double seconds)> sleep = nullptr;
  };

  // `world` must outlive the backend.
  explicit SimBackend(const SimWorld& world) : world_(world) {}
  // `world_name` says what of the world Identity() does not.
  SimBackend(const SimWorld& world, Pause pause, std::string world_name = "")
      : world_(world),
        pause_(std::move(pause)),
        world_name_(std::move(world_name)) {}

  // kInvalidArgument for a request that names no task of the world or options
  // that its catalog lacks.
  std::vector<absl::StatusOr<LlmAnswer>> Answer(
      absl::Span<const LlmRequest> requests) override;

  std::string Identity() const override;
  std::string SharedIdentity() const override;
  bool Cacheable() const override { return false; }
  bool Samples() const override { return true; }

 private:
  absl::StatusOr<LlmAnswer> AnswerOne(const LlmRequest& request) const;

  const SimWorld& world_;
  Pause pause_;
  std::string world_name_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIM_BACKEND_H_
