// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <memory>

#include "client/cli/cli.h"
#include "client/cli/output.h"
#include "client/cli/request_input.h"
#include "client/prompt_client.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

struct PromptFlags {
  CommonFlags common;
  RequestFlags request;
  std::string user_id;
  std::string policy;
  bool greedy = false;
  CallOptions call;
  // "PATTERN=OPTION" each: of `preview` what is rendered, of `prompt` the
  // caller's own.
  std::vector<std::string> choice;
};

constexpr char kPromptFooter[] = R"help(
Examples:
  attune prompt --request request.json --json
  attune prompt --greedy --history "1=Toy Story (1995)" \
                --candidate "50=Star Wars (1977)" --candidate "2=GoldenEye (1995)"
  attune prompt --request request.json --own-choice hint=none \
                --own-choice history=recent_10
  attune prompt --request - <<'EOF'
  {"history": [{"item_id": "1", "title": "Toy Story (1995)"}],
   "candidates": [{"item_id": "2", "title": "GoldenEye (1995)"},
                  {"item_id": "3", "title": "Four Rooms (1995)"}]}
  EOF)help";

constexpr char kPreviewFooter[] = R"help(
Examples:
  attune preview --request request.json
  attune preview --history "1=Toy Story (1995)" --candidate "50=Star Wars (1977)" \
                 --candidate "2=GoldenEye (1995)" --choice hint=none)help";

// What GetPromptRequest and PreviewPromptRequest have in common.
template <typename Request>
absl::Status FillRequest(const RequestFlags& flags, std::istream& in,
                         Request& request) {
  ATTUNE_RETURN_IF_ERROR(ReadRequestFile(flags.request_file, in, request));
  AddItems(flags.history, *request.mutable_history());
  AddItems(flags.candidates, *request.mutable_candidates());
  if (!flags.revision.empty()) request.set_revision(flags.revision);
  if (!flags.readout.empty()) request.set_readout(ToReadout(flags.readout));
  if (flags.seed.has_value()) request.set_seed(*flags.seed);
  return absl::OkStatus();
}

void AddChoices(
    const std::vector<std::string>& pairs,
    google::protobuf::RepeatedPtrField<v1::PatternChoice>& choices) {
  for (const std::string& pair : pairs) {
    const auto [pattern, option] = SplitPair(pair);
    v1::PatternChoice& choice = *choices.Add();
    choice.set_pattern(pattern);
    choice.set_option_id(option);
  }
}

absl::Status RunPrompt(const PromptFlags& flags, const Terminal& terminal) {
  v1::GetPromptRequest request;
  ATTUNE_RETURN_IF_ERROR(FillRequest(flags.request, terminal.in, request));
  if (!flags.user_id.empty()) request.set_user_id(flags.user_id);
  if (!flags.policy.empty()) request.set_policy(flags.policy);
  if (flags.greedy) request.set_mode(v1::DECISION_MODE_GREEDY);
  if (!flags.choice.empty()) {
    request.set_mode(v1::DECISION_MODE_APPRENTICE);
    AddChoices(flags.choice, *request.mutable_own_choice());
  }
  ATTUNE_ASSIGN_OR_RETURN(const PromptClient client,
                          PromptClient::Create(flags.common.ToOptions()));
  ATTUNE_ASSIGN_OR_RETURN(const Prompt prompt,
                          client.GetPrompt(request, flags.call));
  terminal.out << (flags.common.json ? PromptJson(prompt) : PromptText(prompt));
  return absl::OkStatus();
}

absl::Status RunPreview(const PromptFlags& flags, const Terminal& terminal) {
  v1::PreviewPromptRequest request;
  ATTUNE_RETURN_IF_ERROR(FillRequest(flags.request, terminal.in, request));
  AddChoices(flags.choice, *request.mutable_choice());
  ATTUNE_ASSIGN_OR_RETURN(const PromptClient client,
                          PromptClient::Create(flags.common.ToOptions()));
  ATTUNE_ASSIGN_OR_RETURN(const Prompt prompt, client.PreviewPrompt(request));
  terminal.out << (flags.common.json ? PromptJson(prompt) : PromptText(prompt));
  return absl::OkStatus();
}

void RequireRequest(const PromptFlags& flags) { RequireItems(flags.request); }

}  // namespace

void AddPromptCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<PromptFlags>();
  CLI::App& command =
      AddCommand(app, context,
                 {.name = "prompt",
                  .description = "Ask for the prompt that suits a user",
                  .footer = kPromptFooter,
                  .plane = "server"},
                 flags, RunPrompt, RequireRequest);
  AddRequestFlags(command, flags->request);
  command.add_option("--user", flags->user_id, "Pseudonym of the user");
  command.add_option("--policy", flags->policy, "Name of the policy");
  command
      .add_option("--traceparent", flags->call.traceparent,
                  "W3C context of the trace that the call belongs to")
      ->envname("TRACEPARENT");
  CLI::Option* greedy =
      command.add_flag("--greedy", flags->greedy,
                       "Take the most probable options instead of sampling");
  command
      .add_option("--own-choice", flags->choice,
                  "Option of a pattern that your own prompt has: serves your\n"
                  "choice, and the agents watch (apprentice mode); the other\n"
                  "patterns take their default")
      ->allow_extra_args(false)
      ->check(IsPair("PATTERN=OPTION"))
      ->excludes(greedy);
}

void AddPreviewCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<PromptFlags>();
  CLI::App& command =
      AddCommand(app, context,
                 {.name = "preview",
                  .description = "Render the prompt of given options",
                  .footer = kPreviewFooter,
                  .plane = "server"},
                 flags, RunPreview, RequireRequest);
  AddRequestFlags(command, flags->request);
  command
      .add_option("--choice", flags->choice,
                  "Option of a pattern; the others take their default")
      ->allow_extra_args(false)
      ->check(IsPair("PATTERN=OPTION"));
}

}  // namespace attune::client
