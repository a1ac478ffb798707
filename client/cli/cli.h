// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_CLI_CLI_H_
#define ATTUNE_CLIENT_CLI_CLI_H_

// The `attune` command: one subcommand a task, data on `out`, everything else
// on `err`. main.cc is only its call.
//
// Not thread-safe; runs on one thread.

#include <CLI/CLI.hpp>
#include <functional>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/options.h"

namespace attune::client {

// Exit codes.
inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;

// The outside world of a run. Borrowed; must outlive it.
struct Terminal {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  // Whether a person watches `err`: progress is shown to people only.
  bool err_is_tty = false;
};

// Runs one command line (without the program's name) and returns its exit code.
int RunCli(std::vector<std::string> arguments, Terminal terminal);

// What the subcommands share while a command line is parsed.
struct CliContext {
  Terminal terminal;
  // Set by the subcommand that was given; run after parsing.
  std::function<absl::Status()> action;
};

// Flags that every subcommand has.
struct CommonFlags {
  std::string target;
  std::string ca_file;
  double timeout_seconds = 0.0;
  bool json = false;

  ClientOptions ToOptions() const;
};

// Adds the common flags; `plane` is "server" or "control".
void AddCommonFlags(CLI::App& command, const std::string& plane,
                    CommonFlags& flags);

// One subcommand each; flags live as long as the app.
void AddPromptCommand(CLI::App& app, CliContext& context);
void AddPreviewCommand(CLI::App& app, CliContext& context);
void AddFeedbackCommand(CLI::App& app, CliContext& context);
void AddExportLogCommand(CLI::App& app, CliContext& context);
void AddForgetCommand(CLI::App& app, CliContext& context);
void AddRevisionsCommand(CLI::App& app, CliContext& context);
void AddPushCommand(CLI::App& app, CliContext& context);
void AddActivateCommand(CLI::App& app, CliContext& context);
void AddRollbackCommand(CLI::App& app, CliContext& context);
void AddTrafficCommand(CLI::App& app, CliContext& context);
void AddWatchCommand(CLI::App& app, CliContext& context);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_CLI_CLI_H_
