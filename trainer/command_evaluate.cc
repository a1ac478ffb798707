// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/revision.h"
#include "policy/status_macros.h"
#include "trainer/baselines.h"
#include "trainer/chooser.h"
#include "trainer/command.h"
#include "trainer/evaluate.h"
#include "trainer/files.h"
#include "trainer/fixed_search.h"
#include "trainer/flags.h"

namespace attune::trainer {
namespace {

struct EvaluateFlags {
  DataFlags data;
  BackendFlags backend;
  std::string revision;
  int test_users = 0;
  int tasks_per_user = 1;
  int fixed_budget = 200;
  uint64_t seed = 1;
  std::string json;
};

// The first `count` users of a split (all if 0), `draws` tasks each.
std::vector<Task> MakeTasks(const Environment& environment, UserSplit split,
                            int count, int draws) {
  std::vector<int> users = environment.dataset().UsersOf(split);
  if (count > 0 && count < static_cast<int>(users.size())) users.resize(count);
  std::vector<Task> tasks;
  for (size_t i = 0; i < users.size(); ++i) {
    for (int draw = 0; draw < draws; ++draw) {
      tasks.push_back(
          environment.MakeTask(users[i], draw, static_cast<int>(i)));
    }
  }
  return tasks;
}

// Ids of the chosen options by pattern.
nlohmann::ordered_json DescribeOptions(const policy::Catalog& catalog,
                                       const std::vector<int>& options) {
  nlohmann::ordered_json object;
  for (size_t k = 0; k < options.size(); ++k) {
    object[catalog.patterns[k].name] =
        catalog.patterns[k].options[options[k]].id;
  }
  return object;
}

void Progress(const std::string& method, int done, int total) {
  if (isatty(STDERR_FILENO) != 0) {
    std::fprintf(stderr, "\r\033[K%s: %d of %d", method.c_str(), done, total);
    if (done == total) std::fputc('\n', stderr);
  } else if (done == total) {
    std::fprintf(stderr, "%s: %d of %d\n", method.c_str(), done, total);
  }
}

absl::Status WriteReport(const EvaluateFlags& flags,
                         const policy::Policy& policy,
                         const FixedSearchResult& fixed,
                         const Evaluation& evaluation) {
  std::printf("%s", ToTable(evaluation).c_str());
  const nlohmann::ordered_json best =
      DescribeOptions(policy.catalog(), fixed.best);
  std::printf(
      "best_fixed, found with %d LLM rankings of validation users: %s\n",
      fixed.llm_rankings, best.dump().c_str());
  if (flags.json.empty()) return absl::OkStatus();
  nlohmann::ordered_json report =
      nlohmann::ordered_json::parse(ToJson(evaluation));
  report["search"] = {{"options", best},
                      {"llm_rankings", fixed.llm_rankings},
                      {"validation_ndcg_at_10", fixed.mean}};
  return WriteFileAtomically(flags.json, report.dump(2) + "\n");
}

absl::Status Evaluate(const EvaluateFlags& flags) {
  ATTUNE_ASSIGN_OR_RETURN(const auto revision,
                          policy::Revision::LoadFile(flags.revision));
  const policy::Policy& policy = revision->policy();
  ATTUNE_ASSIGN_OR_RETURN(const Dataset dataset,
                          Dataset::Load(flags.data.dataset));
  ATTUNE_ASSIGN_OR_RETURN(const EnvironmentOptions options,
                          flags.data.Environment());
  ATTUNE_RETURN_IF_ERROR(Environment::Check(dataset, options));
  const Environment environment(dataset, options);
  ATTUNE_ASSIGN_OR_RETURN(const std::unique_ptr<LlmBackend> backend,
                          flags.backend.Make());

  FixedSearchOptions search{.budget = flags.fixed_budget, .seed = flags.seed};
  search.progress = [&](int spent) {
    Progress("best_fixed search", spent, flags.fixed_budget);
  };
  ATTUNE_ASSIGN_OR_RETURN(
      const FixedSearchResult fixed,
      SearchFixedPrompt(policy, *backend,
                        MakeTasks(environment, UserSplit::kValidation, 0, 1),
                        search));

  const std::vector<Task> tasks = MakeTasks(
      environment, UserSplit::kTest, flags.test_users, flags.tasks_per_user);
  const auto random = MakeRandomScorer(flags.seed);
  const auto popularity = MakePopularityScorer(dataset);
  const auto knn = MakeItemKnnScorer(dataset);
  const auto lightgcn = MakeFoldInScorer(policy);
  const std::vector<Method> methods = {
      {.name = "random", .scorer = random.get()},
      {.name = "popularity", .scorer = popularity.get()},
      {.name = "item_knn", .scorer = knn.get()},
      {.name = "lightgcn", .scorer = lightgcn.get()},
      {.name = "default", .chooser = DefaultPrompt(policy)},
      {.name = "uniform", .chooser = UniformPrompt(policy)},
      {.name = "best_fixed", .chooser = FixedPrompt(policy, fixed.best)},
      {.name = "policy", .chooser = GreedyPrompt(policy)},
  };
  EvaluateOptions evaluate{.run = {.seed = flags.seed}};
  evaluate.progress = [&](const std::string& method, int done) {
    Progress(method, done, static_cast<int>(tasks.size()));
  };
  ATTUNE_ASSIGN_OR_RETURN(
      const Evaluation evaluation,
      trainer::Evaluate(methods, tasks, *backend, evaluate));
  return WriteReport(flags, policy, fixed, evaluation);
}

}  // namespace

Command AddEvaluateCommand(CLI::App& app) {
  auto flags = std::make_shared<EvaluateFlags>();
  CLI::App* command =
      app.add_subcommand("evaluate",
                         "Compares a revision with its baselines on test "
                         "users: random, popularity,\n"
                         "item-kNN, LightGCN, the default prompt, uniform "
                         "prompts, the best fixed\n"
                         "prompt found on validation users.");
  flags->data.AddTo(*command);
  flags->backend.AddTo(*command);
  command->add_option("--revision", flags->revision, "The revision's file")
      ->required();
  command
      ->add_option("--test-users", flags->test_users,
                   "Test users to evaluate; 0 is all")
      ->capture_default_str();
  command
      ->add_option("--tasks-per-user", flags->tasks_per_user,
                   "Tasks of each test user, with other negatives each; more\n"
                   "make the intervals narrower")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--fixed-budget", flags->fixed_budget,
                   "LLM rankings for finding the best fixed prompt")
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "Seed of sampling and intervals")
      ->capture_default_str();
  command->add_option("--json", flags->json, "Write the results here as JSON");
  return {.app = command, .run = [flags] { return Evaluate(*flags); }};
}

}  // namespace attune::trainer
