// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The load generator of bench/serving.py: one measurement a run, its result as
// JSON on standard output.
//
//   serving_load closed --port P --in-flight 32 --seconds 3
//   serving_load open --port P --rate 10000 --seconds 5 [--calls FILE]
//   serving_load unary --port P --in-flight 32 --seconds 3
//   serving_load stream --port P --streams 4 --batch 16 --seconds 3
//   serving_load artifact --out FILE [--items N] [--hidden N] [--dim N]
//   serving_load request --out FILE
//   serving_load answer --port P --out FILE

#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "attune/v1/prompt_service.grpc.pb.h"
#include "bench/bench_world.h"
#include "bench/load.h"
#include "bench/open_loop.h"
#include "bench/raw_calls.h"
#include "bench/swapper.h"
#include "policy/item_proto.h"

namespace attune::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

struct Flags {
  OpenLoopOptions open;
  int items = kItems;
  int in_flight = 32;
  int streams = 4;
  int batch = 16;
  int hidden = 64;
  int dim = 64;
  std::string calls_file;
  std::string out;
  int control_port = 0;
  std::vector<std::string> swap_ids;
};

std::vector<v1::GetPromptRequest> Requests(int items) {
  std::vector<v1::GetPromptRequest> requests;
  for (const BenchRequest& request : BenchRequests(items)) {
    auto& made = requests.emplace_back();
    policy::ItemsToProto(request.history, made.mutable_history());
    policy::ItemsToProto(request.candidates, made.mutable_candidates());
  }
  return requests;
}

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) +
           1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Json Closed(const Flags& flags) {
  const auto requests = Requests(flags.items);
  Load load(flags.open.port, flags.in_flight, requests);
  load.Run(2000);
  load.Reset();
  int64_t calls = 0;
  const double cpu = CpuSeconds();
  const auto start = Clock::now();
  while (SecondsSince(start) < flags.open.seconds) {
    load.Run(2000);
    calls += 2000;
  }
  const double seconds = SecondsSince(start);
  return {{"calls_per_second", static_cast<double>(calls) / seconds},
          {"failed", load.failed()},
          {"p50_us", load.PercentileMicros(0.5)},
          {"p99_us", load.PercentileMicros(0.99)},
          {"client_cpu_us",
           1e6 * (CpuSeconds() - cpu) / static_cast<double>(calls)}};
}

double Percentile(const std::vector<float>& ascending, double share) {
  if (ascending.empty()) return 0.0;
  return ascending[static_cast<size_t>(
      share * static_cast<double>(ascending.size() - 1))];
}

Json Summary(const std::vector<OpenLoopCall>& calls, bool ok) {
  std::vector<float> latencies;
  for (const OpenLoopCall& call : calls) {
    if ((call.code == 0) == ok) latencies.push_back(call.latency_micros);
  }
  std::sort(latencies.begin(), latencies.end());
  Json summary = {{"calls", latencies.size()}};
  for (const auto& [name, share] :
       {std::pair("p50_us", 0.5), std::pair("p90_us", 0.9),
        std::pair("p99_us", 0.99), std::pair("p999_us", 0.999),
        std::pair("max_us", 1.0)}) {
    summary[name] = Percentile(latencies, share);
  }
  return summary;
}

Json Open(const Flags& flags) {
  Swapper swapper(flags.control_port, flags.swap_ids,
                  std::chrono::milliseconds(1500));
  const auto calls = RunOpenLoop(flags.open, Requests(flags.items));
  const std::vector<int64_t> swaps = swapper.Stop();
  if (!flags.calls_file.empty()) {
    std::ofstream out(flags.calls_file);
    for (const OpenLoopCall& call : calls) {
      out << call.due_micros << ' ' << call.latency_micros << ' ' << call.code
          << '\n';
    }
  }
  Json codes = Json::object();
  for (const OpenLoopCall& call : calls) {
    Json& count = codes[std::to_string(call.code)];
    count = count.is_null() ? 1 : count.get<int>() + 1;
  }
  Json result = Summary(calls, true);
  result["rate"] = flags.open.rate;
  result["codes"] = codes;
  result["swaps_us"] = swaps;
  result["refused"] = Summary(calls, false);
  return result;
}

RawOptions Raw(const Flags& flags, int callers) {
  return {flags.open.port, callers, flags.batch, flags.open.seconds};
}

Json ToJson(const RawResult& result) {
  return {{"prompts_per_second", result.prompts_per_second},
          {"failed", result.failed}};
}

Json Unary(const Flags& flags) {
  return ToJson(
      RunRawUnary(Raw(flags, flags.in_flight), Requests(flags.items)));
}

Json Stream(const Flags& flags) {
  return ToJson(
      RunRawStreams(Raw(flags, flags.streams), Requests(flags.items)));
}

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// The bytes of one answer.
std::string Answer(const Flags& flags) {
  auto stub = v1::PromptService::NewStub(
      grpc::CreateChannel("127.0.0.1:" + std::to_string(flags.open.port),
                          grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::GetPromptResponse response;
  const auto status =
      stub->GetPrompt(&context, Requests(flags.items).front(), &response);
  if (!status.ok()) std::fputs(status.error_message().c_str(), stderr);
  return response.SerializeAsString();
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Load for the serving benchmark");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--port", flags.open.port);
  app.add_option("--seconds", flags.open.seconds);
  app.add_option("--rate", flags.open.rate);
  app.add_option("--connections", flags.open.connections);
  app.add_option("--deadline", flags.open.deadline_seconds);
  app.add_option("--in-flight", flags.in_flight);
  app.add_option("--streams", flags.streams);
  app.add_option("--batch", flags.batch);
  app.add_option("--items", flags.items, "items that requests speak of");
  app.add_option("--control-port", flags.control_port);
  app.add_option("--swap", flags.swap_ids, "ids activated in turn in `open`");
  app.add_option("--calls", flags.calls_file, "every call of `open`");
  app.add_option("--out", flags.out);
  app.add_option("--hidden", flags.hidden);
  app.add_option("--dim", flags.dim);
  auto* closed = app.add_subcommand("closed");
  auto* open = app.add_subcommand("open");
  auto* unary = app.add_subcommand("unary");
  auto* stream = app.add_subcommand("stream");
  auto* artifact = app.add_subcommand("artifact");
  auto* answer = app.add_subcommand("answer");
  auto* request = app.add_subcommand("request");
  CLI11_PARSE(app, argc, argv);
  if (closed->parsed()) std::puts(Closed(flags).dump().c_str());
  if (open->parsed()) std::puts(Open(flags).dump().c_str());
  if (unary->parsed()) std::puts(Unary(flags).dump().c_str());
  if (stream->parsed()) std::puts(Stream(flags).dump().c_str());
  if (artifact->parsed()) {
    Write(flags.out, BenchArtifact(policy::HeadsKind::kAutoregressive,
                                   {flags.items, flags.hidden, flags.dim}));
  }
  if (answer->parsed()) Write(flags.out, Answer(flags));
  if (request->parsed()) {
    Write(flags.out, Requests(flags.items).front().SerializeAsString());
  }
  return 0;
}

}  // namespace
}  // namespace attune::bench

int main(int argc, char** argv) { return attune::bench::Main(argc, argv); }
