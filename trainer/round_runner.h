// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ROUND_RUNNER_H_
#define ATTUNE_TRAINER_ROUND_RUNNER_H_

// Asks the LLM round after round, in one thread of its own that goes from a
// round to the next without waiting for anybody, as long as it has been given
// one.
//
// Life cycle: Add() rounds, Take() each one's result, in order. The destructor
// drops the rounds that have not begun and waits for the one that has.
//
// Not thread-safe; owned by the training loop.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/status/statusor.h"
#include "trainer/llm_backend.h"
#include "trainer/rollout.h"

namespace attune::trainer {

class RoundRunner {
 public:
  // `backend` must outlive the runner; `clock` is called from its thread.
  RoundRunner(LlmBackend& backend, std::function<double()> clock);
  ~RoundRunner();
  RoundRunner(const RoundRunner&) = delete;
  RoundRunner& operator=(const RoundRunner&) = delete;

  void Add(std::shared_ptr<const Round> round);
  // Waits for the result of the first round whose result was not taken. Errors
  // of RunRound. REQUIRES: there is such a round.
  absl::StatusOr<RoundResult> Take();

 private:
  void Work();
  bool MayBegin() const;

  LlmBackend& backend_;
  const std::function<double()> clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<std::shared_ptr<const Round>> rounds_;
  std::deque<absl::StatusOr<RoundResult>> results_;
  int begun_ = 0;        // rounds
  int asked_for_ = 0;    // results
  bool silent_ = false;  // the last round was
  bool stop_ = false;
  std::thread thread_;  // the last member: it uses all others
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ROUND_RUNNER_H_
