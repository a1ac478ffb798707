// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// attune_trainer: trains agents on an LLM's rankings, evaluates and pushes
// them.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "trainer/command.h"

namespace {

constexpr char kDescription[] =
    "Trains the agents that choose prompts, evaluates and pushes them.\n\n"
    "Example:\n"
    "  attune_trainer train --data ~/.cache/attune/data/ml-100k/ml-100k \\\n"
    "    --catalog policy/catalogs/movies.yaml --backend llama \\\n"
    "    --model SmolLM2-135M-Instruct.Q4_1.gguf --budget 320 --out run\n"
    "  attune_trainer evaluate --revision run/revision.attune \\\n"
    "    --data ~/.cache/attune/data/ml-100k/ml-100k --backend llama \\\n"
    "    --model SmolLM2-135M-Instruct.Q4_1.gguf\n"
    "  attune_trainer push --revision run/revision.attune --activate\n\n"
    "Exit codes: 0 success, 1 failure, 2 wrong usage.";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kDescription, "attune_trainer");
  app.set_version_flag("--version", std::string(ATTUNE_VERSION));
  app.require_subcommand(1);
  std::vector<attune::trainer::Command> commands = {
      attune::trainer::AddTrainCommand(app),
      attune::trainer::AddWorkerCommand(app),
      attune::trainer::AddRefineCommand(app),
      attune::trainer::AddEvaluateCommand(app),
      attune::trainer::AddPushCommand(app),
      attune::trainer::AddInspectCommand(app),
      attune::trainer::AddCompareCommand(app),
      attune::trainer::AddOpeCommand(app),
      attune::trainer::AddReportCommand(app),
      attune::trainer::AddCollectCommand(app),
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  for (const attune::trainer::Command& command : commands) {
    if (!command.app->parsed()) continue;
    const absl::Status status = command.run();
    if (status.ok()) return 0;
    std::fprintf(stderr, "attune_trainer: %s\n", status.ToString().c_str());
    return status.code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
  }
  return 2;
}
