// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "client/cli/tls_flags.h"
#include "client/policy_client.h"
#include "policy/status_macros.h"
#include "trainer/command.h"

namespace attune::trainer {
namespace {

struct PushFlags {
  std::string revision;
  std::string server = client::kDefaultControlTarget;
  client::TlsOptions tls;
  bool activate = false;
};

absl::Status Push(const PushFlags& flags) {
  ATTUNE_ASSIGN_OR_RETURN(
      const client::PolicyClient client,
      client::PolicyClient::Create({.target = flags.server, .tls = flags.tls}));
  client::PushOptions options{.activate = flags.activate};
  if (isatty(STDERR_FILENO) != 0) {
    options.on_progress = [](const client::PushProgress& progress) {
      std::fprintf(stderr, "\rpushed %lld of %lld bytes",
                   static_cast<long long>(progress.sent_bytes),
                   static_cast<long long>(progress.total_bytes));
      if (progress.sent_bytes == progress.total_bytes) {
        std::fputc('\n', stderr);
      }
    };
  }
  ATTUNE_ASSIGN_OR_RETURN(const v1::PushRevisionResponse response,
                          client.PushRevisionFile(flags.revision, options));
  std::printf("%s %s%s\n", response.revision().revision_id().c_str(),
              response.revision().state() == v1::REVISION_STATE_ACTIVE
                  ? "active"
                  : "ready",
              response.already_stored() ? " (was stored already)" : "");
  return absl::OkStatus();
}

}  // namespace

Command AddPushCommand(CLI::App& app) {
  auto flags = std::make_shared<PushFlags>();
  CLI::App* command = app.add_subcommand(
      "push",
      "Uploads a revision to a server's control plane, with the signature of "
      "its .sig file if there is one (attune sign).");
  command->add_option("--revision", flags->revision, "The revision's file")
      ->required();
  command
      ->add_option("--server", flags->server,
                   "Address of the control plane (host:port)")
      ->envname("ATTUNE_CONTROL")
      ->capture_default_str();
  client::AddTlsFlags(*command, flags->tls);
  command->add_flag("--activate", flags->activate,
                    "Make it active once the server has verified it");
  return {.app = command, .run = [flags] { return Push(*flags); }};
}

}  // namespace attune::trainer
