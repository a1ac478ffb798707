// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "policy/revision.h"
#include "policy/status_macros.h"
#include "trainer/command.h"
#include "trainer/evaluation.h"
#include "trainer/files.h"
#include "trainer/study_run.h"
#include "trainer/study_world.h"

namespace attune::trainer {
namespace {

struct EvaluateFlags {
  TrainSetupFlags setup;
  StudyOptions study;
  std::vector<std::string> revisions;
  std::string json;
};

void Progress(const std::string& step, int done, int total) {
  if (isatty(STDERR_FILENO) != 0) {
    std::fprintf(stderr, "\r\033[K%s: %d of %d", step.c_str(), done, total);
    if (done >= total) std::fputc('\n', stderr);
  } else if (done >= total) {
    std::fprintf(stderr, "%s: %d of %d\n", step.c_str(), done, total);
  }
}

// "NAME=FILE", "NAME=FILE,FILE,..." or "FILE", which is called "policy".
absl::StatusOr<NamedRevisions> LoadRevisions(const std::string& flag) {
  const size_t equals = flag.find('=');
  NamedRevisions named{.name = "policy"};
  std::string files = flag;
  if (equals != std::string::npos) {
    named.name = flag.substr(0, equals);
    files = flag.substr(equals + 1);
  }
  for (const std::string& file :
       std::vector<std::string>(absl::StrSplit(files, ','))) {
    ATTUNE_ASSIGN_OR_RETURN(auto revision, policy::Revision::LoadFile(file));
    named.revisions.push_back(std::move(revision));
  }
  return named;
}

absl::Status RunEvaluate(const EvaluateFlags& flags) {
  StudyOptions options = flags.study;
  options.progress = Progress;
  for (const std::string& flag : flags.revisions) {
    ATTUNE_ASSIGN_OR_RETURN(NamedRevisions named, LoadRevisions(flag));
    options.revisions.push_back(std::move(named));
  }
  TrainSetupFlags setup = flags.setup;
  setup.seed = options.seed;
  setup.episode_length = options.train.episode_length;
  const bool trains =
      !options.learners.empty() || setup.backend.backend == "sim";
  if (!trains && options.revisions.empty()) {
    return absl::InvalidArgumentError(
        "--learners or --revision: at least one method is needed");
  }
  ATTUNE_ASSIGN_OR_RETURN(
      const std::unique_ptr<StudyWorld> world,
      trains
          ? StudyWorld::ForTraining(setup)
          : StudyWorld::ForRevision(setup, options.revisions[0].revisions[0]));
  ATTUNE_ASSIGN_OR_RETURN(const Evaluation evaluation,
                          RunStudy(*world, setup, options));
  std::fputs(ToTable(evaluation).c_str(), stdout);
  if (flags.json.empty()) return absl::OkStatus();
  return WriteFileAtomically(flags.json, ToJson(evaluation));
}

void AddMethodFlags(CLI::App& command, EvaluateFlags& flags) {
  command
      .add_option("--learners", flags.study.learners,
                  "Learners to train for every seed, separated by commas")
      ->delimiter(',');
  command
      .add_option("--revision", flags.revisions,
                  "A revision to measure: FILE, NAME=FILE, or one file a\n"
                  "seed, NAME=FILE,FILE,...; may be repeated")
      ->allow_extra_args(false);
  command
      .add_option("--searches", flags.study.searches,
                  "Fixed prompts to search for on validation users:\n"
                  "best_fixed, edit_search")
      ->delimiter(',')
      ->capture_default_str();
  command
      .add_option("--budget", flags.study.train.budget,
                  "LLM rankings that each learner and each search may spend")
      ->capture_default_str();
  command
      .add_option("--seeds", flags.study.seeds,
                  "Seeds of training and searching")
      ->delimiter(',')
      ->capture_default_str();
  command
      .add_option("--batch-size", flags.study.train.batch_size,
                  "Choices tried in a round of training")
      ->capture_default_str();
  command
      .add_option("--episode-length", flags.study.train.episode_length,
                  "Iterations T of an episode of training")
      ->capture_default_str();
}

void AddStudyFlags(CLI::App& command, EvaluateFlags& flags) {
  command
      .add_option("--test-users", flags.study.test_users,
                  "Test users to measure; 0 is all")
      ->capture_default_str();
  command
      .add_option("--tasks-per-user", flags.study.tasks_per_user,
                  "Tasks of each test user, going through the user's targets")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      .add_option("--oracle-users", flags.study.oracle_users,
                  "Test users asked all the oracle's choices; 0 is no oracle")
      ->capture_default_str();
  command
      .add_option("--oracle-choices", flags.study.oracle_choices,
                  "Distinct choices of the oracle")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--ablations", flags.study.ablate,
                     "Learner or revision to take apart: agents frozen, state\n"
                     "without parts and, for a learner, episodes of 3 and 15");
  command
      .add_option("--work", flags.study.work,
                  "Directory that keeps the trainings")
      ->capture_default_str();
  command
      .add_option("--seed", flags.study.seed,
                  "Seed of item embeddings, intervals and the exchange of "
                  "users")
      ->capture_default_str();
  command.add_option("--json", flags.json, "Write everything here as JSON");
}

}  // namespace

Command AddEvaluateCommand(CLI::App& app) {
  auto flags = std::make_shared<EvaluateFlags>();
  CLI::App* command = app.add_subcommand(
      "evaluate",
      "Trains learners and searches for fixed prompts at one budget of LLM\n"
      "rankings, then compares all methods on test users: scorers without an "
      "LLM,\n"
      "the default prompt, uniform prompts, fixed prompts, learners, "
      "revisions and\n"
      "the per-user oracle.");
  flags->setup.AddTo(*command);
  AddMethodFlags(*command, *flags);
  AddStudyFlags(*command, *flags);
  command->footer(
      "A study may take hours. With --reward-cache every answer is kept, and "
      "trainings\n"
      "are kept in --work: started again with the same flags, it repeats "
      "nothing.\n"
      "Example, without any LLM:\n"
      "  attune_trainer evaluate --backend sim --sim-setting paper\n"
      "      --catalog policy/catalogs/movies.yaml --learners a2c,ppo\n"
      "      --budget 600 --seeds 1,2,3,4,5 --tasks-per-user 4\n"
      "      --work study --json study/evaluation.json");
  return {.app = command, .run = [flags] { return RunEvaluate(*flags); }};
}

}  // namespace attune::trainer
