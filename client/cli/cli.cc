// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/cli/cli.h"

#include <algorithm>
#include <exception>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/tls_flags.h"

namespace attune::client {
namespace {

constexpr char kFooter[] = R"help(
Exit codes: 0 done, 1 the command failed, 2 wrong usage.

Examples:
  attune prompt --history "1=Toy Story (1995)" --candidate "50=Star Wars (1977)" \
                --candidate "181=Return of the Jedi (1983)"
  attune revisions
  attune push revision.attune --activate
`attune COMMAND --help` shows the flags of a command and more examples.)help";

void PrintError(const absl::Status& status, std::ostream& err) {
  err << "attune: " << absl::StatusCodeToString(status.code()) << ": "
      << status.message() << "\n";
  if (absl::IsUnavailable(status)) {
    err << "attune: is attune_server running at that address?\n";
  }
}

int Parse(CLI::App& app, std::vector<std::string> arguments,
          const Terminal& terminal) {
  try {
    // CLI11 takes the arguments last first.
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, terminal.out, terminal.err);
    return code == 0 ? kExitOk : kExitUsage;
  }
}

int Run(std::vector<std::string> arguments, const Terminal& terminal) {
  CLI::App app("Asks attune_server for prompts and manages its revisions.",
               "attune");
  app.require_subcommand(1);
  app.set_version_flag("--version", "attune " ATTUNE_VERSION);
  app.footer(kFooter);
  CliContext context{.terminal = terminal, .action = nullptr};
  AddPromptCommand(app, context);
  AddPreviewCommand(app, context);
  AddFeedbackCommand(app, context);
  AddRevisionsCommand(app, context);
  AddPushCommand(app, context);
  AddActivateCommand(app, context);
  AddTrafficCommand(app, context);
  AddRollbackCommand(app, context);
  AddWatchCommand(app, context);
  AddExportLogCommand(app, context);
  AddForgetCommand(app, context);
  AddHealthCommand(app, context);
  AddKeygenCommand(app, context);
  AddSignCommand(app, context);
  const int code = Parse(app, std::move(arguments), terminal);
  if (code != kExitOk || !context.action) return code;
  const absl::Status status = context.action();
  if (status.ok()) return kExitOk;
  PrintError(status, terminal.err);
  return kExitError;
}

}  // namespace

ClientOptions CommonFlags::ToOptions() const {
  return {.target = target,
          .deadline = absl::Seconds(timeout_seconds),
          .retry = {},
          .tls = tls,
          .clock = {}};
}

void AddCommonFlags(CLI::App& command, const std::string& plane,
                    CommonFlags& flags) {
  const bool data = plane == "server";
  flags.target = data ? kDefaultServerTarget : kDefaultControlTarget;
  command
      .add_option(
          "--" + plane, flags.target,
          data ? "Address of the data plane" : "Address of the control plane")
      ->envname(absl::StrCat("ATTUNE_", absl::AsciiStrToUpper(plane)))
      ->capture_default_str();
  command.add_flag("--json", flags.json, "Print JSON");
  command
      .add_option(
          "--timeout", flags.timeout_seconds,
          data ? "Seconds for a call with its retries; 0 means 2"
               : "Seconds for a call with its retries, of push for all; 0 "
                 "means 30, of export-log and forget 120, of push 300; "
                 "watch has no limit")
      ->check(CLI::NonNegativeNumber);
  AddTlsFlags(command, flags.tls);
}

int RunCli(std::vector<std::string> arguments, Terminal terminal) {
  try {
    return Run(std::move(arguments), terminal);
  } catch (const std::exception& error) {
    terminal.err << "attune: INTERNAL: " << error.what() << "\n";
    return kExitError;
  }
}

}  // namespace attune::client
