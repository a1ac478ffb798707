// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What GetPrompt costs within the server but for gRPC: from the bytes of a
// request to those of its answer.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "attune/v1/prompt_service.pb.h"
#include "bench/bench_world.h"
#include "policy/item_proto.h"
#include "policy/revision.h"
#include "server/metrics.h"
#include "server/prompt_handler.h"
#include "server/revision_registry.h"
#include "tests/server/temp_dir.h"

namespace attune::bench {
namespace {

template <typename T>
T Require(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  std::abort();
}

class HandlerBench : public benchmark::Fixture {
 public:
  void SetUp(benchmark::State&) override {
    const BenchRequest sample = BenchRequests().front();
    request_.Clear();
    policy::ItemsToProto(sample.history, request_.mutable_history());
    policy::ItemsToProto(sample.candidates, request_.mutable_candidates());
    registry_ = Require(server::RevisionRegistry::Open(
        {.directory = dir_.path(),
         // What serves as long as nothing is stored.
         .uniform = Require(policy::Revision::Load(
             BenchArtifact(policy::HeadsKind::kAutoregressive)))}));
    signer_ = std::make_unique<server::TokenSigner>(
        Require(server::TokenSigner::Create({.key = std::string(32, 'k')})));
    metrics_ = std::make_unique<server::Metrics>(
        [this] { return registry_->Current()->id(); });
    handler_ =
        std::make_unique<server::PromptHandler>(server::PromptHandler::Options{
            registry_.get(), signer_.get(), metrics_.get(),
            [] { return absl::Now(); }, server::SystemRandom});
  }

 protected:
  v1::GetPromptRequest request_;
  std::unique_ptr<server::PromptHandler> handler_;

 private:
  const server::TempDir dir_;
  std::unique_ptr<server::RevisionRegistry> registry_;
  std::unique_ptr<server::TokenSigner> signer_;
  std::unique_ptr<server::Metrics> metrics_;
};

BENCHMARK_F(HandlerBench, Bytes)(benchmark::State& state) {
  const std::string in = request_.SerializeAsString();
  std::string out;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(handler_->Answer(in, &out));
  }
}

}  // namespace
}  // namespace attune::bench
