// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/cli/cli.h"
#include "client/cli/output.h"
#include "client/log_client.h"
#include "client/prompt.h"
#include "client/prompt_client.h"
#include "policy/logged_decisions.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

struct FeedbackFlags {
  CommonFlags common;
  std::string token;
  std::optional<float> reward;
  std::vector<std::string> ranked;
  std::vector<std::string> relevant;
};

struct ExportFlags {
  CommonFlags common;
  std::string file;
  bool only_with_feedback = false;
};

struct ForgetFlags {
  CommonFlags common;
  std::string user_id;
};

constexpr char kFeedbackFooter[] = R"help(
The token is `decision_token` of `attune prompt --json`. A second feedback for
the same decision changes nothing and is answered with the first.

Examples:
  attune feedback --token "$TOKEN" --reward 0.5
  attune feedback --token "$TOKEN" --ranked 50 --ranked 181 --relevant 181)help";
constexpr char kExportFooter[] = R"help(
The file is what `attune_trainer` learns from; see policy/logged_decisions.h.

Examples:
  attune export-log decisions.attlog --only-with-feedback
  attune export-log - | wc -c)help";
constexpr char kForgetFooter[] = R"help(
Exports and revisions that were made before are files of yours: they are not
touched.

Examples:
  attune forget user-17)help";

// REQUIRES: what RequireOutcome checks.
absl::Status RunFeedback(const FeedbackFlags& flags, const Terminal& terminal) {
  Prompt prompt;
  if (!absl::Base64Unescape(flags.token, &prompt.decision_token)) {
    return absl::InvalidArgumentError("--token: not base64");
  }
  v1::RecordFeedbackRequest request =
      flags.reward.has_value()
          ? MakeFeedback(prompt, *flags.reward)
          : MakeFeedback(prompt, {.item_ids = flags.ranked}, flags.relevant);
  ATTUNE_ASSIGN_OR_RETURN(const PromptClient client,
                          PromptClient::Create(flags.common.ToOptions()));
  ATTUNE_ASSIGN_OR_RETURN(const auto response,
                          client.RecordFeedback(std::move(request)));
  terminal.out << (flags.common.json ? FeedbackJson(response)
                                     : FeedbackText(response));
  return absl::OkStatus();
}

// Writes the whole log to `out`.
absl::StatusOr<ReadSummary> Export(const ExportFlags& flags,
                                   std::ostream& out) {
  ATTUNE_ASSIGN_OR_RETURN(const LogClient client,
                          LogClient::Create(flags.common.ToOptions()));
  policy::WriteLoggedDecisionsMagic(out);
  ATTUNE_ASSIGN_OR_RETURN(
      const ReadSummary summary,
      client.ReadDecisions({.only_with_feedback = flags.only_with_feedback},
                           [&](const v1::LoggedDecision& decision) {
                             policy::WriteLoggedDecision(decision, out);
                           }));
  out.flush();
  if (!out) return absl::ResourceExhaustedError("the export cannot be written");
  return summary;
}

// The file appears when it is complete.
absl::StatusOr<ReadSummary> ExportToFile(const ExportFlags& flags) {
  const std::string part = flags.file + ".part";
  absl::StatusOr<ReadSummary> summary;
  {
    std::ofstream out(part, std::ios::binary | std::ios::trunc);
    if (!out) {
      return absl::NotFoundError(absl::StrCat("cannot create ", part));
    }
    summary = Export(flags, out);
  }
  if (summary.ok() && std::rename(part.c_str(), flags.file.c_str()) == 0) {
    return summary;
  }
  std::remove(part.c_str());
  ATTUNE_RETURN_IF_ERROR(summary.status());
  return absl::NotFoundError(absl::StrCat("cannot create ", flags.file));
}

absl::Status RunExport(const ExportFlags& flags, const Terminal& terminal) {
  const bool to_file = flags.file != "-";
  ATTUNE_ASSIGN_OR_RETURN(
      const ReadSummary summary,
      to_file ? ExportToFile(flags) : Export(flags, terminal.out));
  if (summary.damaged > 0) {
    terminal.err << "attune: " << summary.damaged
                 << " damaged records were left out\n";
  }
  if (to_file) {
    terminal.out << (flags.common.json ? ExportJson(summary)
                                       : ExportText(summary));
  }
  return absl::OkStatus();
}

absl::Status RunForget(const ForgetFlags& flags, const Terminal& terminal) {
  ATTUNE_ASSIGN_OR_RETURN(const LogClient client,
                          LogClient::Create(flags.common.ToOptions()));
  ATTUNE_ASSIGN_OR_RETURN(const v1::ForgetUserResponse erased,
                          client.ForgetUser(flags.user_id));
  terminal.out << (flags.common.json ? ForgetJson(erased) : ForgetText(erased));
  return absl::OkStatus();
}

// Throws unless exactly one outcome was given.
void RequireOutcome(const FeedbackFlags& flags) {
  if (flags.reward.has_value() == !flags.ranked.empty()) {
    throw CLI::ValidationError("feedback", "give --reward or --ranked");
  }
  if (flags.reward.has_value() && !flags.relevant.empty()) {
    throw CLI::ValidationError("--relevant", "belongs to --ranked");
  }
}

}  // namespace

void AddFeedbackCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<FeedbackFlags>();
  CLI::App& command = AddCommand(app, context,
                                 {.name = "feedback",
                                  .description = "Report what came of a prompt",
                                  .footer = kFeedbackFooter,
                                  .plane = "server"},
                                 flags, RunFeedback, RequireOutcome);
  command.add_option("--token", flags->token, "The prompt's token, in base64")
      ->required();
  command.add_option("--reward", flags->reward, "The reward itself")
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option("--ranked", flags->ranked, "Item shown, the best one first")
      ->allow_extra_args(false);
  command
      .add_option("--relevant", flags->relevant,
                  "Item that turned out relevant; none means nothing did")
      ->allow_extra_args(false);
}

void AddExportLogCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App& command = AddCommand(
      app, context,
      {.name = "export-log",
       .description = "Write the logged decisions to a file, for a trainer",
       .footer = kExportFooter,
       .plane = "control"},
      flags, RunExport);
  command
      .add_option("FILE", flags->file, "The file; - for the standard output")
      ->required();
  command.add_flag("--only-with-feedback", flags->only_with_feedback,
                   "Leave out decisions that nothing was reported of");
}

void AddForgetCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<ForgetFlags>();
  CLI::App& command =
      AddCommand(app, context,
                 {.name = "forget",
                  .description = "Erase a user from the decision log",
                  .footer = kForgetFooter,
                  .plane = "control"},
                 flags, RunForget);
  command.add_option("USER", flags->user_id, "The user id of their requests")
      ->required();
}

}  // namespace attune::client
