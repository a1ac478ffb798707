// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/ablations.h"

#include <utility>

#include "policy/random.h"
#include "policy/status_macros.h"
#include "policy/user_state.h"

namespace attune::trainer {
namespace {

std::vector<int> OptionsOf(const policy::Choice& choice) {
  std::vector<int> options;
  for (const policy::PatternChoice& one : choice.patterns) {
    options.push_back(one.option);
  }
  return options;
}

absl::StatusOr<policy::Choice> Greedy(const policy::Policy& policy,
                                      const policy::Request& request,
                                      const StatePart& zeroed) {
  ATTUNE_ASSIGN_OR_RETURN(policy::UserState state, policy.Encode(request));
  state.features.segment(zeroed.begin, zeroed.end - zeroed.begin).setZero();
  policy::Rng rng(request.seed, policy::kSamplingStream);
  return policy.actor().Decide(state.features, policy::DecisionMode::kGreedy,
                               rng);
}

}  // namespace

Chooser FrozenAgent(const policy::Policy& policy, int pattern, int option) {
  return
      [&policy, pattern, option](
          const policy::Request& request) -> absl::StatusOr<policy::Decision> {
        ATTUNE_ASSIGN_OR_RETURN(
            const policy::Choice choice,
            Greedy(policy, request, {.name = "", .begin = 0, .end = 0}));
        std::vector<int> options = OptionsOf(choice);
        options[pattern] = option;
        return policy.Preview(request, options);
      };
}

std::vector<StatePart> StateParts(const policy::Policy& policy) {
  const int dim = policy.encoder().settings().embedding_dim;
  const int candidates = dim + policy::kHistoryFeatures;
  return {{"user embedding", 0, dim},
          {"history statistics", dim, candidates},
          {"candidate statistics", candidates,
           candidates + policy::kCandidateFeatures}};
}

Chooser WithoutState(const policy::Policy& policy, StatePart part) {
  return
      [&policy, part = std::move(part)](
          const policy::Request& request) -> absl::StatusOr<policy::Decision> {
        ATTUNE_ASSIGN_OR_RETURN(const policy::Choice choice,
                                Greedy(policy, request, part));
        return policy.Preview(request, OptionsOf(choice));
      };
}

std::vector<Method> AblationMethods(
    absl::Span<const policy::Policy* const> policies,
    absl::Span<const FixedOptions> frozen) {
  std::vector<Method> methods;
  const policy::Catalog& catalog = policies[0]->catalog();
  for (size_t k = 0; k < catalog.patterns.size(); ++k) {
    Method& method = methods.emplace_back();
    method.name = catalog.patterns[k].name + " frozen";
    for (size_t s = 0; s < policies.size(); ++s) {
      method.choosers.push_back(
          FrozenAgent(*policies[s], static_cast<int>(k), frozen[s][k]));
    }
  }
  for (const StatePart& part : StateParts(*policies[0])) {
    Method& method = methods.emplace_back();
    method.name = "without " + part.name;
    for (const policy::Policy* policy : policies) {
      method.choosers.push_back(WithoutState(*policy, part));
    }
  }
  return methods;
}

}  // namespace attune::trainer
