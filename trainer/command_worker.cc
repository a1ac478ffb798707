// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "trainer/command.h"
#include "trainer/flags.h"
#include "trainer/rollout_worker.h"
#include "trainer/train_setup.h"
#include "trainer/workers_flags.h"

namespace attune::trainer {
namespace {

struct WorkerFlags {
  RedisFlags redis;
  TrainSetupFlags setup;  // of it only the LLM and the simulated users
  int batch_size = 0;
};

// Requests that keep llama.cpp busy; more would only wait for each other.
constexpr int kLlamaBatch = 4;
constexpr int kMostBatch = 256;

std::atomic<bool> told_to_stop = false;

// An LLM, and the world of a simulated one.
struct Llm {
  std::unique_ptr<TrainSetup> world;
  std::unique_ptr<LlmBackend> backend;
};

absl::StatusOr<Llm> MakeLlm(const WorkerFlags& flags) {
  Llm llm;
  if (flags.setup.backend.backend != "sim") {
    ATTUNE_ASSIGN_OR_RETURN(llm.backend, flags.setup.backend.Make());
    return llm;
  }
  ATTUNE_ASSIGN_OR_RETURN(llm.world, MakeTrainSetup(flags.setup, 0));
  llm.backend = std::move(llm.world->backend);
  return llm;
}

// Unlike any other worker's, and says where it is.
std::string WorkerName() {
  char host[256] = "";
  static_cast<void>(gethostname(host, sizeof(host) - 1));
  return absl::StrCat(host, ":", getpid(), ":", RandomName());
}

absl::StatusOr<int> BatchSize(const WorkerFlags& flags) {
  if (flags.batch_size < 0 || flags.batch_size > kMostBatch) {
    return absl::InvalidArgumentError(
        absl::StrCat("--batch-size: must be 0 to ", kMostBatch));
  }
  if (flags.batch_size > 0) return flags.batch_size;
  const BackendFlags& llm = flags.setup.backend;
  return llm.backend == "openai" ? llm.concurrency : kLlamaBatch;
}

absl::Status Work(const WorkerFlags& flags) {
  if (flags.redis.url.empty()) {
    return absl::InvalidArgumentError("--redis-url is needed");
  }
  ATTUNE_ASSIGN_OR_RETURN(const int batch_size, BatchSize(flags));
  ATTUNE_ASSIGN_OR_RETURN(redis::Connection::Options connection,
                          flags.redis.Connection("redis-url"));
  ATTUNE_ASSIGN_OR_RETURN(const Llm llm, MakeLlm(flags));
  std::signal(SIGINT, [](int) { told_to_stop = true; });
  std::signal(SIGTERM, [](int) { told_to_stop = true; });
  RolloutWorker worker(*llm.backend, {.redis = std::move(connection),
                                      .prefix = flags.redis.prefix,
                                      .name = WorkerName(),
                                      .batch_size = batch_size,
                                      .clock = absl::Now,
                                      .sleep = absl::SleepFor,
                                      .say = SayOnStderr});
  return worker.Serve([] { return told_to_stop.load(); });
}

}  // namespace

Command AddWorkerCommand(CLI::App& app) {
  auto flags = std::make_shared<WorkerFlags>();
  // The quickest to set up: a worker does not learn.
  flags->setup.learner = "bandit";
  CLI::App* command = app.add_subcommand(
      "worker", "Ranks for trainings elsewhere, with the LLM next to it.");
  flags->redis.AddTo(*command, "redis-url", "redis",
                     "Where trainings with --workers are: redis://host:6379/0");
  flags->setup.backend.AddLlmTo(*command);
  flags->setup.AddSimTo(*command);
  command->add_option("--seed", flags->setup.seed, "sim: seed of the world")
      ->capture_default_str();
  command
      ->add_option("--batch-size", flags->batch_size,
                   "Rankings that the LLM is asked for at a time; 0 is\n"
                   "--concurrency with openai, else 4")
      ->capture_default_str();
  command->footer(
      "Serves every training that wants its LLM, until Ctrl-C or SIGTERM: "
      "then\n"
      "it finishes what it has and leaves. A worker that is killed loses\n"
      "nothing: another does it again. Example:\n"
      "  attune_trainer worker --redis-url redis://cache:6379/0 --backend "
      "llama\n"
      "      --model SmolLM2-135M-Instruct.Q4_1.gguf\n"
      "With a vLLM on the same machine:\n"
      "  attune_trainer worker --redis-url redis://cache:6379/0 --backend "
      "openai\n"
      "      --llm-url http://localhost:8000/v1 --llm-model NAME\n"
      "For simulated users --catalog, --sim-setting, --recency-decay and "
      "--seed\n"
      "are the training's.");
  return {.app = command, .run = [flags] { return Work(*flags); }};
}

}  // namespace attune::trainer
