// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What a decision costs without gRPC: 20 history items, 10 candidates, five
// patterns; whole and by its parts.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/bench_world.h"
#include "policy/policy.h"
#include "policy/random.h"
#include "policy/renderer.h"
#include "policy/revision.h"
#include "server/decision_token.h"

namespace attune::bench {
namespace {

using policy::HeadsKind;

class DecideBench : public benchmark::Fixture {
 public:
  void SetUp(benchmark::State& state) override {
    const auto kind = static_cast<HeadsKind>(state.range(0));
    auto revision = policy::Revision::Load(BenchArtifact(kind));
    if (!revision.ok()) {
      std::fprintf(stderr, "%s\n", revision.status().ToString().c_str());
      std::abort();
    }
    revision_ = *std::move(revision);
    requests_ = BenchRequests();
  }

  const policy::Policy& policy() const { return revision_->policy(); }

  const std::string& revision_id() const { return revision_->id(); }

  // The next of the requests; its seed is new each time.
  policy::Request Next() {
    const BenchRequest& request = requests_[count_ % requests_.size()];
    return {.history = request.history,
            .candidates = request.candidates,
            .seed = count_++};
  }

 private:
  std::shared_ptr<const policy::Revision> revision_;
  std::vector<BenchRequest> requests_;
  uint64_t count_ = 0;
};

BENCHMARK_DEFINE_F(DecideBench, Decide)(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(policy().Decide(Next()));
  state.SetItemsProcessed(state.iterations());
}

// What is served: the decision and its signature.
BENCHMARK_DEFINE_F(DecideBench, Served)(benchmark::State& state) {
  const server::TokenSigner signer =
      server::TokenSigner::Create({.key = std::string(32, 'k')}).value();
  server::DecisionClaims claims;
  claims.revision_id = revision_id();
  for (auto _ : state) {
    const policy::Decision decision = policy().Decide(Next()).value();
    claims.options.clear();
    claims.probabilities.clear();
    for (const policy::PatternChoice& chosen : decision.choice.patterns) {
      claims.options.push_back(chosen.option);
      claims.probabilities.push_back(chosen.probability);
    }
    benchmark::DoNotOptimize(signer.Sign(claims));
  }
}

BENCHMARK_DEFINE_F(DecideBench, Validate)(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(policy::Validate(Next()));
}

BENCHMARK_DEFINE_F(DecideBench, Encode)(benchmark::State& state) {
  for (auto _ : state) {
    const policy::Request request = Next();
    benchmark::DoNotOptimize(policy().encoder().Encode(
        request.history, request.candidates, policy().actor().option_offsets(),
        request.previous));
  }
}

BENCHMARK_DEFINE_F(DecideBench, Heads)(benchmark::State& state) {
  const policy::UserState user = policy().Encode(Next()).value();
  policy::Rng rng(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(policy().actor().Decide(
        user.features, policy::DecisionMode::kSample, rng));
  }
}

BENCHMARK_DEFINE_F(DecideBench, Render)(benchmark::State& state) {
  const policy::Request request = Next();
  const policy::Decision decision = policy().Decide(request).value();
  const policy::RenderInput input = {.catalog = policy().catalog(),
                                     .choice = decision.choice,
                                     .history = request.history,
                                     .candidates = request.candidates,
                                     .state = decision.state,
                                     .items = policy().encoder().items(),
                                     .permutation = decision.permutation,
                                     .readout = policy().readout()};
  for (auto _ : state) benchmark::DoNotOptimize(policy::Render(input));
}

constexpr int64_t kIndependent = static_cast<int64_t>(HeadsKind::kIndependent);
constexpr int64_t kAutoregressive =
    static_cast<int64_t>(HeadsKind::kAutoregressive);

BENCHMARK_REGISTER_F(DecideBench, Decide)
    ->ArgName("heads")
    ->Arg(kIndependent)
    ->Arg(kAutoregressive);
BENCHMARK_REGISTER_F(DecideBench, Served)
    ->ArgName("heads")
    ->Arg(kIndependent)
    ->Arg(kAutoregressive);
BENCHMARK_REGISTER_F(DecideBench, Heads)
    ->ArgName("heads")
    ->Arg(kIndependent)
    ->Arg(kAutoregressive);
BENCHMARK_REGISTER_F(DecideBench, Validate)
    ->ArgName("heads")
    ->Arg(kAutoregressive);
BENCHMARK_REGISTER_F(DecideBench, Encode)
    ->ArgName("heads")
    ->Arg(kAutoregressive);
BENCHMARK_REGISTER_F(DecideBench, Render)
    ->ArgName("heads")
    ->Arg(kAutoregressive);

}  // namespace
}  // namespace attune::bench
