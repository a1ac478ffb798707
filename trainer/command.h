// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_COMMAND_H_
#define ATTUNE_TRAINER_COMMAND_H_

// The subcommands of attune_trainer. Each Add...() declares its flags on `app`
// and returns what to run once they are parsed; the flags live as long as the
// command.

#include <functional>
#include <string>

#include "absl/status/status.h"

namespace CLI {
class App;
}  // namespace CLI

namespace attune::trainer {

struct Command {
  CLI::App* app = nullptr;
  // Prints results on stdout, progress on stderr.
  std::function<absl::Status()> run;
};

Command AddTrainCommand(CLI::App& app);
Command AddRefineCommand(CLI::App& app);
Command AddEvaluateCommand(CLI::App& app);
Command AddPushCommand(CLI::App& app);
Command AddInspectCommand(CLI::App& app);
Command AddOpeCommand(CLI::App& app);
Command AddCollectCommand(CLI::App& app);
Command AddCompareCommand(CLI::App& app);
Command AddReportCommand(CLI::App& app);
Command AddWorkerCommand(CLI::App& app);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_COMMAND_H_
