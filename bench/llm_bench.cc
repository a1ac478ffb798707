// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// How fast the embedded LLM works inside the trainer, as JSON on stdout:
//
//   training  rounds of trainer::Train on real data with train's own defaults:
//             tokens that llama.cpp evaluated by the wall time of whole rounds,
//             learner and all
//   sharing   the same with `--choices` choices for each task that share the
//             history and, by halves, the hint, which stand first in the prompt
//             (`layout: data_first`)
//   choices   `--choices` random choices for each of `--tasks` tasks, in one
//             Answer() call: rankings/s, tokens/s and the mean NDCG@10
//
// All say which share of the prompts' tokens was not evaluated again.
//
// bench/llm_bench.py runs it beside llama.cpp's own benchmark.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_replace.h"
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
  int64_t budget = TrainOptions().budget;
  int tasks = 40;
  int choices = 8;
};

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// CPU time of this process, all threads together.
double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * now.tv_nsec;
}

absl::StatusOr<nlohmann::json> MeasureTraining(TrainSetup& setup,
                                               const LlamaBackend& llm,
                                               TrainOptions options) {
  const std::filesystem::path dir =
      std::filesystem::temp_directory_path() / "attune_llm_bench";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  double learn_seconds = 0.0;
  const int64_t evaluated = llm.evaluated_tokens();
  const double cpu = CpuSeconds();
  options.directory = dir.string();
  options.clock = Now;
  options.on_round = [&](const RoundReport& report) {
    learn_seconds += report.learn_seconds;
    return true;
  };
  ATTUNE_ASSIGN_OR_RETURN(const TrainResult result,
                          Train(setup.source, *setup.backend, *setup.learner,
                                setup.settings, setup.golden, options));
  std::filesystem::remove_all(dir);
  const TrainTotals& totals = result.totals;
  const auto tokens = static_cast<double>(llm.evaluated_tokens() - evaluated);
  return nlohmann::json{
      {"rankings", totals.rankings},
      {"seconds", result.seconds},
      {"cpu_seconds", CpuSeconds() - cpu},
      {"learn_seconds", learn_seconds},
      {"llm_idle_share", result.llm_idle_share},
      {"evaluated_tokens", tokens},
      {"tokens_per_second", tokens / result.seconds},
      {"rankings_per_second",
       static_cast<double>(totals.rankings) / result.seconds},
      {"reused_share", static_cast<double>(totals.reused_tokens) /
                           static_cast<double>(totals.prompt_tokens)}};
}

// From here on the data stands first in prompts.
absl::Status PutDataFirst(TrainSetup& setup) {
  const std::string yaml =
      absl::StrReplaceAll(setup.settings.catalog->yaml,
                          {{"\nframe:\n", "\nframe:\n  layout: data_first\n"}});
  ATTUNE_ASSIGN_OR_RETURN(auto catalog, policy::Catalog::Parse(yaml));
  if (catalog->layout != policy::Layout::kDataFirst) {
    return absl::InvalidArgumentError("--catalog: has no frame");
  }
  return setup.UseCatalog(std::move(catalog));
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
    ATTUNE_ASSIGN_OR_RETURN(
        out["training"],
        MeasureTraining(*setup, *llm, {.budget = flags.budget}));
    ATTUNE_RETURN_IF_ERROR(PutDataFirst(*setup));
    ATTUNE_ASSIGN_OR_RETURN(out["sharing"],
                            MeasureTraining(*setup, *llm,
                                            {.budget = flags.budget,
                                             .choices_per_task = flags.choices,
                                             .share_beginning = true}));
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
