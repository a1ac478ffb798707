// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/chooser.h"

#include <utility>

#include "policy/random.h"

namespace attune::trainer {
namespace {

// Stream of a request's seed; see policy::Rng.
constexpr uint64_t kUniformStream = 51;

Chooser InMode(const policy::Policy& policy, policy::DecisionMode mode) {
  return [&policy, mode](const policy::Request& request) {
    policy::Request copy = request;
    copy.mode = mode;
    return policy.Decide(copy);
  };
}

}  // namespace

Chooser DefaultPrompt(const policy::Policy& policy) {
  return FixedPrompt(policy, DefaultOptions(policy.catalog()));
}

Chooser FixedPrompt(const policy::Policy& policy, std::vector<int> options) {
  return
      [&policy, options = std::move(options)](const policy::Request& request) {
        return policy.Preview(request, options);
      };
}

Chooser UniformPrompt(const policy::Policy& policy) {
  return [&policy](const policy::Request& request) {
    policy::Rng rng(request.seed, kUniformStream);
    std::vector<int> options;
    for (const policy::Pattern& pattern : policy.catalog().patterns) {
      options.push_back(static_cast<int>(
          rng.Below(static_cast<uint32_t>(pattern.options.size()))));
    }
    return policy.Preview(request, options);
  };
}

Chooser SampledPrompt(const policy::Policy& policy) {
  return InMode(policy, policy::DecisionMode::kSample);
}

Chooser GreedyPrompt(const policy::Policy& policy) {
  return InMode(policy, policy::DecisionMode::kGreedy);
}

std::vector<int> DefaultOptions(const policy::Catalog& catalog) {
  std::vector<int> options;
  for (const policy::Pattern& pattern : catalog.patterns) {
    options.push_back(pattern.default_option);
  }
  return options;
}

policy::Request RequestOf(const Task& task, uint64_t seed) {
  policy::Request request;
  request.history = task.history;
  request.candidates = task.candidates;
  request.seed = seed;
  request.permutation = task.permutation;
  return request;
}

}  // namespace attune::trainer
