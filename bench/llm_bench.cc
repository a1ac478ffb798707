// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// How fast the embedded LLM works inside the trainer, as JSON on stdout:
//
//   training  rounds of trainer::Train on real data: tokens that llama.cpp
//             evaluated by the wall time of whole rounds, learner and all
//   choices   `--choices` random choices for each of `--tasks` tasks, in one
//             Answer() call: rankings/s, tokens/s, the share of prompt tokens that
//             were not evaluated again, and the mean NDCG@10
//
// bench/llm_bench.py runs it beside llama.cpp's own benchmark.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/metrics.h"
#include "policy/revision.h"
#include "policy/status_macros.h"
#include "trainer/chooser.h"
#include "trainer/export.h"
#include "trainer/llama_backend.h"
#include "trainer/prompt_run.h"
#include "trainer/train_setup.h"
#include "trainer/trainer.h"

namespace attune::trainer {
namespace {

struct Flags {
  TrainSetupFlags setup;
  int64_t budget = 192;
  int tasks = 40;
  int choices = 6;
};

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

absl::StatusOr<nlohmann::json> MeasureTraining(TrainSetup& setup,
                                               const LlamaBackend& llm,
                                               int64_t budget) {
  const std::filesystem::path dir =
      std::filesystem::temp_directory_path() / "attune_llm_bench";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  double seconds = 0.0;
  const int64_t evaluated = llm.evaluated_tokens();
  TrainOptions options;
  options.budget = budget;
  options.directory = dir.string();
  options.clock = Now;
  options.on_round = [&](const RoundReport& report) {
    seconds += report.seconds;
    return true;
  };
  ATTUNE_ASSIGN_OR_RETURN(const TrainResult result,
                          Train(setup.source, *setup.backend, *setup.learner,
                                setup.settings, setup.golden, options));
  std::filesystem::remove_all(dir);
  const auto tokens = static_cast<double>(llm.evaluated_tokens() - evaluated);
  return nlohmann::json{
      {"rankings", result.totals.rankings},
      {"seconds", seconds},
      {"evaluated_tokens", tokens},
      {"tokens_per_second", tokens / seconds},
      {"rankings_per_second",
       static_cast<double>(result.totals.rankings) / seconds}};
}

absl::StatusOr<nlohmann::json> MeasureChoices(TrainSetup& setup,
                                              const LlamaBackend& llm,
                                              const Flags& flags) {
  ATTUNE_ASSIGN_OR_RETURN(
      std::string artifact,
      MakeRevision(setup.settings, setup.learner->ExportTensors(),
                   setup.golden));
  ATTUNE_ASSIGN_OR_RETURN(const auto revision,
                          policy::Revision::Load(std::move(artifact)));
  std::vector<Task> tasks;
  for (int i = 0; i < flags.tasks * flags.choices; ++i) {
    const int task = i / flags.choices;
    tasks.push_back(
        setup.source.make_task(task % setup.source.num_users, 1000, task));
  }
  const int64_t evaluated = llm.evaluated_tokens();
  const double start = Now();
  ATTUNE_ASSIGN_OR_RETURN(
      const PromptRun run,
      RunPrompts(*setup.backend, UniformPrompt(revision->policy()), tasks,
                 {.seed = 7, .batch_size = static_cast<int>(tasks.size())}));
  const double seconds = Now() - start;
  double ndcg = 0.0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    ndcg += Reward(tasks[i], run.outcomes[i].ranking);
  }
  const auto count = static_cast<double>(tasks.size());
  const auto prompt_tokens = static_cast<double>(run.usage.prompt_tokens);
  const auto tokens = static_cast<double>(llm.evaluated_tokens() - evaluated);
  return nlohmann::json{
      {"tasks", flags.tasks},
      {"choices", flags.choices},
      {"seconds", seconds},
      {"rankings_per_second", count / seconds},
      {"tokens_per_second", tokens / seconds},
      {"prompt_tokens_per_ranking", prompt_tokens / count},
      {"title_tokens_per_ranking",
       static_cast<double>(run.usage.answer_tokens) / count},
      {"reused_share",
       static_cast<double>(run.usage.reused_tokens) / prompt_tokens},
      {"ndcg_at_10", ndcg / count}};
}

absl::Status Run(const Flags& flags) {
  ATTUNE_ASSIGN_OR_RETURN(const auto setup, MakeTrainSetup(flags.setup, 0));
  const auto* llm = dynamic_cast<const LlamaBackend*>(setup->backend.get());
  if (llm == nullptr) {
    return absl::InvalidArgumentError(
        "--backend must be llama, without a reward cache");
  }
  nlohmann::json out;
  ATTUNE_ASSIGN_OR_RETURN(out["choices"], MeasureChoices(*setup, *llm, flags));
  if (flags.budget > 0) {
    ATTUNE_ASSIGN_OR_RETURN(out["training"],
                            MeasureTraining(*setup, *llm, flags.budget));
  }
  std::printf("%s\n", out.dump().c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace attune::trainer

int main(int argc, char** argv) {
  attune::trainer::Flags flags;
  CLI::App app("Measures the embedded LLM inside the trainer.");
  flags.setup.AddTo(app);
  app.add_option("--budget", flags.budget, "Rankings to train on; 0: none");
  app.add_option("--tasks", flags.tasks, "Tasks that get several choices");
  app.add_option("--choices", flags.choices, "Choices of each task");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = attune::trainer::Run(flags);
  if (status.ok()) return 0;
  std::fprintf(stderr, "llm_bench: %s\n", status.ToString().c_str());
  return 1;
}
