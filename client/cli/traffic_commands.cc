// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <memory>
#include <optional>

#include "client/cli/cli.h"
#include "client/cli/output.h"
#include "client/policy_client.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

struct TrafficFlags {
  CommonFlags common;
  std::string active;
  std::string canary;
  std::optional<float> share;
  bool no_canary = false;
  std::string shadow;
  bool no_shadow = false;
  std::string reason;
  int64_t count = 0;

  bool changes_nothing() const {
    return active.empty() && canary.empty() && !share.has_value() &&
           !no_canary && shadow.empty() && !no_shadow;
  }
};

constexpr char kTrafficFooter[] = R"help(
Without flags it prints the traffic; with some, it changes those parts and leaves
the others. A user stays with the same revision, and a larger share only adds
users. The server rolls a canary back that does badly.

Examples:
  attune traffic
  attune traffic --canary 0123456789abcdef --share 0.05 --reason "new catalog"
  attune traffic --share 0.2
  attune traffic --active 0123456789abcdef --no-canary
  attune traffic --shadow 0123456789abcdef)help";
constexpr char kWatchFooter[] = R"help(
Prints the traffic as it is, then each change, until it is interrupted. With
--json, one object a line.

Examples:
  attune watch
  attune watch --json --count 2)help";

// What the flags make of the traffic.
absl::Status Apply(const TrafficFlags& flags, v1::Traffic& traffic) {
  if (!flags.active.empty()) traffic.set_active(flags.active);
  if (!flags.shadow.empty()) traffic.set_shadow(flags.shadow);
  if (flags.no_shadow) traffic.clear_shadow();
  if (flags.no_canary) traffic.clear_canary();
  if (!flags.canary.empty()) {
    if (!flags.share.has_value()) {
      return absl::InvalidArgumentError("--canary needs --share");
    }
    traffic.mutable_canary()->set_revision(flags.canary);
  }
  if (flags.share.has_value()) {
    if (!traffic.has_canary()) {
      return absl::InvalidArgumentError("--share: there is no canary");
    }
    traffic.mutable_canary()->set_share(*flags.share);
  }
  return absl::OkStatus();
}

absl::Status RunTraffic(const TrafficFlags& flags, const Terminal& terminal) {
  ATTUNE_ASSIGN_OR_RETURN(const PolicyClient client,
                          PolicyClient::Create(flags.common.ToOptions()));
  ATTUNE_ASSIGN_OR_RETURN(v1::Traffic traffic, client.GetTraffic());
  if (!flags.changes_nothing()) {
    ATTUNE_RETURN_IF_ERROR(Apply(flags, traffic));
    ATTUNE_ASSIGN_OR_RETURN(traffic, client.SetTraffic(traffic, flags.reason));
  }
  terminal.out << (flags.common.json ? TrafficJson(traffic)
                                     : TrafficText(traffic));
  return absl::OkStatus();
}

absl::Status RunWatch(const TrafficFlags& flags, const Terminal& terminal) {
  ATTUNE_ASSIGN_OR_RETURN(const PolicyClient client,
                          PolicyClient::Create(flags.common.ToOptions()));
  int64_t seen = 0;
  return client.WatchRevisions([&](const v1::WatchRevisionsResponse& update) {
    terminal.out << (flags.common.json ? UpdateJson(update)
                                       : UpdateText(update))
                 << std::flush;
    return ++seen != flags.count;
  });
}

}  // namespace

void AddTrafficCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<TrafficFlags>();
  CLI::App& command = AddCommand(
      app, context,
      {.name = "traffic",
       .description = "Show or set which revisions serve which share of users",
       .footer = kTrafficFooter,
       .plane = "control"},
      flags, RunTraffic);
  command.add_option("--active", flags->active,
                     "Revision that serves everyone but the canary's share");
  auto* canary = command.add_option("--canary", flags->canary,
                                    "Revision that serves --share of users");
  command.add_option("--share", flags->share, "Share of users, in [0, 1]")
      ->check(CLI::Range(0.0, 1.0));
  command.add_flag("--no-canary", flags->no_canary, "End the canary's trial")
      ->excludes(canary);
  auto* shadow =
      command.add_option("--shadow", flags->shadow,
                         "Revision that decides for the log and serves nobody");
  command.add_flag("--no-shadow", flags->no_shadow, "No shadow any more")
      ->excludes(shadow);
  command.add_option("--reason", flags->reason, "Why, for the audit log");
}

void AddWatchCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<TrafficFlags>();
  CLI::App& command =
      AddCommand(app, context,
                 {.name = "watch",
                  .description = "Print each change of the traffic",
                  .footer = kWatchFooter,
                  .plane = "control"},
                 flags, RunWatch);
  command.add_option("--count", flags->count, "Stop after so many; 0: never")
      ->check(CLI::NonNegativeNumber);
}

}  // namespace attune::client
