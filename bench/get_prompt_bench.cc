// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// GetPrompt over loopback, client and server in this process, beside two
// floors that do nothing for the same request behind the same listener: one
// answers with an empty message, one with the bytes of a real answer.
//
// The client's work counts in all three; a ratio to a floor is what the
// decision and its message cost.

#include <benchmark/benchmark.h>
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "attune/v1/prompt_service.grpc.pb.h"
#include "bench/bench_world.h"
#include "bench/floor_listener.h"
#include "bench/load.h"
#include "client/policy_client.h"
#include "policy/item_proto.h"
#include "server/log.h"
#include "server/server.h"
#include "tests/server/temp_dir.h"

namespace attune::bench {
namespace {

constexpr int64_t kWarmUpCalls = 500;
constexpr int64_t kBatch = 1000;

void Require(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

const std::vector<v1::GetPromptRequest>& Requests() {
  static const auto* requests = [] {
    auto* made = new std::vector<v1::GetPromptRequest>;
    for (const BenchRequest& request : BenchRequests()) {
      policy::ItemsToProto(request.history,
                           made->emplace_back().mutable_history());
      policy::ItemsToProto(request.candidates,
                           made->back().mutable_candidates());
    }
    return made;
  }();
  return *requests;
}

// attune_server with a trained revision.
class AttuneServer {
 public:
  AttuneServer() {
    server::SetLogLevel(server::LogLevel::kError);
    server::ServerConfig config;
    config.data_listen = config.control_listen = config.metrics_listen =
        "127.0.0.1:0";
    config.revision_dir = dir_.path() + "/revisions";
    auto started = server::Server::Start({config, nullptr});
    Require(started.status());
    server_ = *std::move(started);
    auto client = client::PolicyClient::Create(
        {.target = absl::StrCat("127.0.0.1:", server_->ports().control)});
    Require(client.status());
    Require(
        client
            ->PushRevision(BenchArtifact(policy::HeadsKind::kAutoregressive),
                           {.activate = true})
            .status());
  }

  int port() const { return server_->ports().data; }

 private:
  const server::TempDir dir_;
  std::unique_ptr<server::Server> server_;
};

using FloorBase =
    v1::PromptService::WithCallbackMethod_GetPrompt<v1::PromptService::Service>;

// An empty callback handler; gRPC parses the request.
class EmptyService final : public FloorBase {
  grpc::ServerUnaryReactor* GetPrompt(grpc::CallbackServerContext* context,
                                      const v1::GetPromptRequest*,
                                      v1::GetPromptResponse*) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// Answers what a real server answered; gRPC parses and serializes.
class ConstantService final : public FloorBase {
 public:
  ConstantService() {
    AttuneServer real;
    auto stub = v1::PromptService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", real.port()),
                            grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    if (!stub->GetPrompt(&context, Requests().front(), &answer_).ok()) {
      std::abort();
    }
  }

 private:
  grpc::ServerUnaryReactor* GetPrompt(
      grpc::CallbackServerContext* context, const v1::GetPromptRequest*,
      v1::GetPromptResponse* response) override {
    *response = answer_;
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  v1::GetPromptResponse answer_;
};

template <typename Service>
class FloorServer {
 public:
  FloorServer() {
    auto listener = StartFloor(&service_, &connections_);
    Require(listener.status());
    listener_ = *std::move(listener);
  }
  ~FloorServer() { listener_->Shutdown(absl::Now()); }

  int port() const { return listener_->port(); }

 private:
  Service service_;
  server::ConnectionStats connections_;
  std::unique_ptr<server::Listener> listener_;
};

template <typename Server>
void Calls(benchmark::State& state) {
  const Server server;
  const int in_flight = static_cast<int>(state.range(0));
  Load load(server.port(), in_flight, Requests());
  load.Run(kWarmUpCalls);  // connects, too
  load.Reset();
  while (state.KeepRunningBatch(kBatch)) load.Run(kBatch);
  state.SetItemsProcessed(state.iterations());
  state.counters["p50_us"] = load.PercentileMicros(0.5);
  state.counters["p99_us"] = load.PercentileMicros(0.99);
  state.counters["failed"] = static_cast<double>(load.failed());
}

void FloorEmpty(benchmark::State& state) {
  Calls<FloorServer<EmptyService>>(state);
}
void FloorConstant(benchmark::State& state) {
  Calls<FloorServer<ConstantService>>(state);
}
void GetPrompt(benchmark::State& state) { Calls<AttuneServer>(state); }

void Loads(benchmark::internal::Benchmark* bench) {
  bench->ArgName("in_flight")->Arg(1)->Arg(8)->UseRealTime();
  bench->MeasureProcessCPUTime()->Unit(benchmark::kMicrosecond);
}
BENCHMARK(FloorEmpty)->Apply(Loads);
BENCHMARK(FloorConstant)->Apply(Loads);
BENCHMARK(GetPrompt)->Apply(Loads);

}  // namespace
}  // namespace attune::bench
