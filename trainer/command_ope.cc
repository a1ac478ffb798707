// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/revision.h"
#include "policy/status_macros.h"
#include "trainer/command.h"
#include "trainer/files.h"
#include "trainer/ope.h"
#include "trainer/ope_report.h"

namespace attune::trainer {
namespace {

using LoadedRevision = std::shared_ptr<const policy::Revision>;

struct OpeFlags {
  std::vector<std::string> logs;
  std::string revision;
  std::string baseline;
  bool greedy = false;
  OpeOptions options;
  std::string json;
};

absl::StatusOr<LoadedRevision> LoadBaseline(const OpeFlags& flags,
                                            const policy::Policy& target) {
  if (flags.baseline.empty()) return LoadedRevision();
  ATTUNE_ASSIGN_OR_RETURN(auto baseline,
                          policy::Revision::LoadFile(flags.baseline));
  if (baseline->policy().catalog().digest != target.catalog().digest) {
    return absl::FailedPreconditionError(
        absl::StrCat("the baseline's catalog has digest ",
                     baseline->policy().catalog().digest, ", the revision's ",
                     target.catalog().digest));
  }
  ATTUNE_RETURN_IF_ERROR(CheckSameStates(target, baseline->manifest()));
  return baseline;
}

// What the reader has to know beyond what the log can show.
std::vector<std::string> NotesOn(const policy::Revision& revision,
                                 const LoadedRevision& baseline,
                                 const LoggedSamples& log) {
  std::vector<std::string> notes = {
      "pseudo_inverse holds only if a reward is a sum over patterns and the "
      "decisions' patterns were drawn independently of each other"};
  const bool known =
      baseline != nullptr && log.revisions.contains(baseline->id());
  if (known && baseline->policy().actor().settings().kind ==
                   policy::HeadsKind::kAutoregressive) {
    notes.push_back(absl::StrCat(
        "revision ", baseline->id(),
        " draws patterns that depend on each other: trust doubly_robust"));
  }
  if (log.other_state > 0) {
    notes.push_back(absl::StrCat(
        "the revision encodes ", log.other_state,
        " logged requests to other states, so it has another encoder or item "
        "table; its hints may name other items than those that were rewarded"));
  } else if (!known && !log.revisions.contains(revision.id())) {
    notes.push_back(
        "taken on trust where requests are not logged: that the revision has "
        "the encoder and the item table of those that decided (--baseline with "
        "the deciding revision verifies it)");
  }
  return notes;
}

absl::Status Ope(const OpeFlags& flags) {
  ATTUNE_ASSIGN_OR_RETURN(const LoadedRevision revision,
                          policy::Revision::LoadFile(flags.revision));
  const policy::Policy& policy = revision->policy();
  ATTUNE_ASSIGN_OR_RETURN(const LoadedRevision baseline,
                          LoadBaseline(flags, policy));
  ATTUNE_ASSIGN_OR_RETURN(const LoggedSamples log,
                          ReadLoggedSamples(flags.logs, policy));
  const policy::DecisionMode mode = flags.greedy
                                        ? policy::DecisionMode::kGreedy
                                        : policy::DecisionMode::kSample;
  std::optional<ChoiceDistribution> other;
  if (baseline != nullptr) {
    other = DistributionOf(baseline->policy().actor(), mode);
  }
  ATTUNE_ASSIGN_OR_RETURN(
      const OpeReport report,
      ValueOnLog(ShapeOf(policy), log, DistributionOf(policy.actor(), mode),
                 other, flags.options));
  const OpeSubject subject{
      .revision = revision->id(),
      .baseline = baseline == nullptr ? "" : baseline->id(),
      .mode = flags.greedy ? "greedy" : "sample",
      .notes = NotesOn(*revision, baseline, log)};
  std::fputs(OpeTable(subject, log, report).c_str(), stdout);
  if (flags.json.empty()) return absl::OkStatus();
  return WriteFileAtomically(flags.json, OpeJson(subject, log, report));
}

void AddLimitFlags(CLI::App& command, OpeOptions& options) {
  command
      .add_option("--min-rewards", options.least_rewards,
                  "Refuses fewer decisions with a reward")
      ->check(CLI::Range(2, 1 << 30))
      ->capture_default_str();
  command
      .add_option("--min-users", options.least_users,
                  "Refuses fewer users (a decision without one is its own)")
      ->check(CLI::Range(5, 1 << 30))
      ->capture_default_str();
  command
      .add_option("--min-ess", options.least_effective_size,
                  "Refuses a smaller effective sample size")
      ->check(CLI::Range(1.0, 1e9))
      ->capture_default_str();
  command.add_flag(
      "--additive", options.additive,
      "A reward is a sum over patterns: the effective sample size\n"
      "of the pseudo-inverse estimator is enough");
  command.add_option("--seed", options.seed, "Seed of drawn choices")
      ->capture_default_str();
}

}  // namespace

Command AddOpeCommand(CLI::App& app) {
  auto flags = std::make_shared<OpeFlags>();
  CLI::App* command = app.add_subcommand(
      "ope", "Values a revision on the decision log, before it serves.");
  command
      ->add_option("--log", flags->logs,
                   "Logged decisions (attune export-log); may be repeated")
      ->required();
  command->add_option("--revision", flags->revision, "Revision to value")
      ->required();
  command->add_option("--baseline", flags->baseline,
                      "Revision to compare it with (default: the decisions as\n"
                      "they were taken)");
  command->add_flag("--greedy", flags->greedy,
                    "Value greedy decisions instead of sampled ones");
  AddLimitFlags(*command, flags->options);
  command->add_option("--json", flags->json, "Also write JSON here");
  command->footer(
      "Refuses (exit code 1) when the log cannot say, and says why.\n"
      "Examples:\n"
      "  attune export-log week.log --only-with-feedback\n"
      "  attune_trainer ope --log week.log --revision run/revision.attune\n"
      "  attune_trainer ope --log mon.log --log tue.log --revision new.attune\n"
      "      --baseline serving.attune --json ope.json");
  return {.app = command, .run = [flags] { return Ope(*flags); }};
}

}  // namespace attune::trainer
