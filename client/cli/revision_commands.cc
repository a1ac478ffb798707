// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <memory>

#include "client/cli/cli.h"
#include "client/cli/output.h"
#include "client/file.h"
#include "client/policy_client.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

struct RevisionFlags {
  CommonFlags common;
  std::string revision;
  std::string file;
  std::string signature_file;
  std::string reason;
  bool activate = false;
};

constexpr char kRevisionsFooter[] = R"help(
Examples:
  attune revisions
  attune revisions 0123456789abcdef --json)help";
constexpr char kPushFooter[] = R"help(
A broken push goes on where it stopped, also when the command is run again.
A server with trusted keys wants a signature: revision.attune.sig is sent if it is
there. `attune sign` makes it.

Examples:
  attune push revision.attune
  attune push revision.attune --signature approved.sig
  attune push revision.attune --activate --control localhost:50052)help";
constexpr char kActivateFooter[] = R"help(
Ends what trial there is; `attune traffic` changes one part of the traffic.

Examples:
  attune activate 0123456789abcdef)help";
constexpr char kRollbackFooter[] = R"help(
Each call goes back one step: it ends the trial of the canary or, if there is
none, makes the revision active that was before.

Examples:
  attune rollback --reason "worse in the shop"
  attune rollback --json)help";

absl::StatusOr<PolicyClient> Connect(const RevisionFlags& flags) {
  return PolicyClient::Create(flags.common.ToOptions());
}

absl::Status RunRevisions(const RevisionFlags& flags,
                          const Terminal& terminal) {
  ATTUNE_ASSIGN_OR_RETURN(const PolicyClient client, Connect(flags));
  if (flags.revision.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const auto revisions, client.ListRevisions());
    terminal.out << (flags.common.json ? RevisionsJson(revisions)
                                       : RevisionsText(revisions));
    return absl::OkStatus();
  }
  ATTUNE_ASSIGN_OR_RETURN(const v1::Revision revision,
                          client.GetRevision(flags.revision));
  terminal.out << (flags.common.json ? RevisionJson(revision)
                                     : RevisionText(revision));
  return absl::OkStatus();
}

absl::Status RunPush(const RevisionFlags& flags, const Terminal& terminal) {
  PushOptions options;
  options.activate = flags.activate;
  if (flags.common.timeout_seconds > 0) {
    options.timeout = absl::Seconds(flags.common.timeout_seconds);
  }
  if (!flags.signature_file.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(options.signature,
                            ReadSignatureFile(flags.signature_file));
  }
  bool shown = false;
  if (terminal.err_is_tty) {
    options.on_progress = [&](const PushProgress& progress) {
      terminal.err << ProgressText(progress) << std::flush;
      shown = true;
    };
  }
  ATTUNE_ASSIGN_OR_RETURN(const PolicyClient client, Connect(flags));
  const absl::StatusOr<v1::PushRevisionResponse> response =
      client.PushRevisionFile(flags.file, options);
  if (shown) terminal.err << "\n";
  ATTUNE_RETURN_IF_ERROR(response.status());
  terminal.out << (flags.common.json ? PushJson(*response)
                                     : PushText(*response));
  return absl::OkStatus();
}

absl::Status PrintTraffic(const RevisionFlags& flags, const Terminal& terminal,
                          const absl::StatusOr<v1::Traffic>& traffic) {
  ATTUNE_RETURN_IF_ERROR(traffic.status());
  terminal.out << (flags.common.json ? TrafficJson(*traffic)
                                     : TrafficText(*traffic));
  return absl::OkStatus();
}

absl::Status RunActivate(const RevisionFlags& flags, const Terminal& terminal) {
  ATTUNE_ASSIGN_OR_RETURN(const PolicyClient client, Connect(flags));
  return PrintTraffic(flags, terminal, client.SetActive(flags.revision));
}

absl::Status RunRollback(const RevisionFlags& flags, const Terminal& terminal) {
  ATTUNE_ASSIGN_OR_RETURN(const PolicyClient client, Connect(flags));
  return PrintTraffic(flags, terminal, client.Rollback(flags.reason));
}

}  // namespace

void AddRevisionsCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<RevisionFlags>();
  AddCommand(app, context,
             {.name = "revisions",
              .description = "List revisions, or show one",
              .footer = kRevisionsFooter,
              .plane = "control"},
             flags, RunRevisions)
      .add_option("REVISION", flags->revision, "Id of the one to show");
}

void AddPushCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<RevisionFlags>();
  CLI::App& command = AddCommand(app, context,
                                 {.name = "push",
                                  .description = "Upload a revision",
                                  .footer = kPushFooter,
                                  .plane = "control"},
                                 flags, RunPush);
  command.add_option("FILE", flags->file, "The artifact")->required();
  command.add_option("--signature", flags->signature_file,
                     "Its signature; FILE.sig, if that is there, by default");
  command.add_flag("--activate", flags->activate,
                   "Make it active once the server has verified it");
}

void AddActivateCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<RevisionFlags>();
  AddCommand(app, context,
             {.name = "activate",
              .description = "Make a stored revision serve everyone",
              .footer = kActivateFooter,
              .plane = "control"},
             flags, RunActivate)
      .add_option("REVISION", flags->revision, "Its id")
      ->required();
}

void AddRollbackCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<RevisionFlags>();
  AddCommand(app, context,
             {.name = "rollback",
              .description = "Take back the last step",
              .footer = kRollbackFooter,
              .plane = "control"},
             flags, RunRollback)
      .add_option("--reason", flags->reason, "Why, for the audit log");
}

}  // namespace attune::client
