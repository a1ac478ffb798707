// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <memory>
#include <string>

#include "client/cli/cli.h"
#include "client/cli/output.h"
#include "client/health.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

struct HealthFlags {
  CommonFlags common;
  std::string service;
};

constexpr char kHealthFooter[] = R"help(
Asks once whether the server is SERVING (grpc.health.v1), as a container's health
check does: exit code 0 if it is, 1 if it is not or does not answer.

Examples:
  attune health
  attune health --service attune.v1.PromptService
  attune health --server 127.0.0.1:50052 --service attune.v1.PolicyService)help";

absl::Status RunHealth(const HealthFlags& flags, const Terminal& terminal) {
  ATTUNE_RETURN_IF_ERROR(CheckHealth(flags.common.ToOptions(), flags.service));
  terminal.out << (flags.common.json ? HealthJson() : HealthText());
  return absl::OkStatus();
}

}  // namespace

void AddHealthCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<HealthFlags>();
  CLI::App& command =
      AddCommand(app, context,
                 {.name = "health",
                  .description = "Ask whether the server is serving",
                  .footer = kHealthFooter,
                  .plane = "server"},
                 flags, RunHealth);
  command.add_option("--service", flags->service,
                     "A service's full name; default: the server as a whole");
}

}  // namespace attune::client
