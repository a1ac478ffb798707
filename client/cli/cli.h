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
#include <memory>
#include <ostream>
#include <string>
#include <type_traits>
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

// Flags of every subcommand that asks a server.
struct CommonFlags {
  std::string target;
  TlsOptions tls;
  double timeout_seconds = 0.0;
  bool json = false;

  ClientOptions ToOptions() const;
};

// Adds the common flags; `plane` is "server" or "control".
void AddCommonFlags(CLI::App& command, const std::string& plane,
                    CommonFlags& flags);

// How a subcommand shows itself; `plane` as for AddCommonFlags, null if it asks
// no server.
struct CommandText {
  const char* name;
  const char* description;
  const char* footer;
  const char* plane = nullptr;
};

// Adds a subcommand. If it asks a server, its flags have a member `common`, and
// the subcommand the common flags. Once it is parsed, `check` may throw a CLI::ParseError about the flags together; `run` is
// the context's action then. The flags live as long as the app.
template <typename Flags>
CLI::App& AddCommand(
    CLI::App& app, CliContext& context, const CommandText& text,
    const std::shared_ptr<Flags>& flags,
    absl::Status (*run)(const Flags&, const Terminal&),
    std::type_identity_t<void (*)(const Flags&)> check = nullptr) {
  CLI::App& command = *app.add_subcommand(text.name, text.description);
  if constexpr (requires { flags->common; }) {
    AddCommonFlags(command, text.plane, flags->common);
  }
  command.footer(text.footer);
  command.callback([flags, run, check, &context] {
    if (check != nullptr) check(*flags);
    context.action = [flags, run, &context] {
      return run(*flags, context.terminal);
    };
  });
  return command;
}

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
void AddHealthCommand(CLI::App& app, CliContext& context);
void AddKeygenCommand(CLI::App& app, CliContext& context);
void AddSignCommand(CLI::App& app, CliContext& context);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_CLI_CLI_H_
