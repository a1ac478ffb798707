// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/prompt_client.h"
#include "policy/metrics.h"
#include "policy/status_macros.h"
#include "trainer/command.h"
#include "trainer/environment.h"
#include "trainer/files.h"
#include "trainer/flags.h"

namespace attune::trainer {
namespace {

using Json = nlohmann::ordered_json;

struct CompareFlags {
  DataFlags data;
  BackendFlags backend;
  std::string server = client::kDefaultServerTarget;
  std::string before;
  std::string after;
  int users = 3;
  uint64_t seed = 1;
  std::string json;
};

// A served prompt as a backend takes it.
policy::RenderedPrompt ToRendered(const client::Prompt& prompt) {
  policy::RenderedPrompt rendered;
  rendered.readout = prompt.answer.readout;
  for (const client::PromptMessage& message : prompt.messages) {
    const char* role = message.role == "system" ? "system"
                       : message.role == "user" ? "user"
                                                : "assistant";
    rendered.messages.push_back(
        {.role = role, .segments = {{.text = message.text}}});
  }
  rendered.displayed_titles = prompt.answer.displayed_titles;
  rendered.prior_prefix = prompt.answer.prior_prefix;
  return rendered;
}

// The prompt that a revision of the server gives, and the LLM's ranking for it.
absl::StatusOr<Json> Ask(const client::PromptClient& client,
                         LlmBackend& backend, const Task& task,
                         const std::string& revision, bool greedy,
                         uint64_t seed) {
  v1::GetPromptRequest request =
      client::MakeRequest(task.history, task.candidates);
  request.set_revision(revision);
  request.set_seed(seed);
  request.set_mode(greedy ? v1::DECISION_MODE_GREEDY
                          : v1::DECISION_MODE_SAMPLE);
  ATTUNE_ASSIGN_OR_RETURN(const client::Prompt prompt,
                          client.GetPrompt(request));
  const policy::RenderedPrompt rendered = ToRendered(prompt);
  std::vector<absl::StatusOr<LlmAnswer>> answers =
      backend.Answer({{.prompt = &rendered}});
  ATTUNE_RETURN_IF_ERROR(answers[0].status());
  ATTUNE_ASSIGN_OR_RETURN(
      const client::RankedItems ranked,
      prompt.answer.readout == policy::Readout::kGenerate
          ? client::ParseRanking(prompt, answers[0]->text)
          : client::RankByScores(prompt, answers[0]->displayed_scores));

  Json object = {{"revision", prompt.revision}};
  for (const client::ChosenOption& chosen : prompt.choice) {
    object["choice"][chosen.pattern] = chosen.option_id;
  }
  for (const client::PromptMessage& message : prompt.messages) {
    object["prompt"].push_back(
        {{"role", message.role}, {"text", message.text}});
  }
  const std::string& target = task.candidates[task.target].id;
  for (size_t i = 0; i < ranked.item_ids.size(); ++i) {
    const auto item = std::find_if(
        task.candidates.begin(), task.candidates.end(),
        [&](const policy::Item& c) { return c.id == ranked.item_ids[i]; });
    const bool is_target = item->id == target;
    object["ranking"].push_back({{"title", item->title}, {"true", is_target}});
    if (is_target) {
      object["ndcg_at_10"] = policy::NdcgAt(10, static_cast<int>(i) + 1);
    }
  }
  return object;
}

void Print(const char* heading, const Json& answer) {
  std::printf("\n  %s (revision %s)\n", heading,
              answer["revision"].get<std::string>().c_str());
  for (const Json& message : answer["prompt"]) {
    std::string text = message["text"].get<std::string>();
    for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) {
      text.replace(at, 1, "\n              ");
      at += 15;
    }
    std::printf("    %-9s %s\n", message["role"].get<std::string>().c_str(),
                text.c_str());
  }
  std::printf("    ranking   ");
  for (const Json& entry : answer["ranking"]) {
    const std::string title = entry["title"].get<std::string>();
    std::printf(entry["true"].get<bool>() ? "[** %s **] " : "%s | ",
                title.c_str());
  }
  std::printf("\n    NDCG@10   %.3f\n", answer["ndcg_at_10"].get<double>());
}

absl::StatusOr<Json> CompareOne(const CompareFlags& flags,
                                const client::PromptClient& client,
                                LlmBackend& backend, const User& user,
                                const Task& task) {
  Json object = {{"user", user.id}, {"history_items", task.history.size()}};
  const size_t shown = std::min<size_t>(task.history.size(), 8);
  for (size_t i = task.history.size() - shown; i < task.history.size(); ++i) {
    object["recent_history"].push_back(task.history[i].title);
  }
  object["true_item"] = task.candidates[task.target].title;
  // Users draw their uniform prompts independently.
  const uint64_t seed = flags.seed + static_cast<uint64_t>(task.user);
  ATTUNE_ASSIGN_OR_RETURN(object["before"],
                          Ask(client, backend, task, flags.before,
                              /*greedy=*/false, seed));
  ATTUNE_ASSIGN_OR_RETURN(object["after"],
                          Ask(client, backend, task, flags.after,
                              /*greedy=*/true, seed));
  std::printf("\nTest user %s, %zu items of history, the latest last:\n  ",
              user.id.c_str(), task.history.size());
  for (const Json& title : object["recent_history"]) {
    std::printf("%s; ", title.get<std::string>().c_str());
  }
  std::printf("\n  true next item: %s\n",
              object["true_item"].get<std::string>().c_str());
  Print("before", object["before"]);
  Print("after", object["after"]);
  return object;
}

absl::Status Compare(const CompareFlags& flags) {
  ATTUNE_ASSIGN_OR_RETURN(const Dataset dataset,
                          Dataset::Load(flags.data.dataset));
  ATTUNE_ASSIGN_OR_RETURN(const EnvironmentOptions options,
                          flags.data.Environment());
  ATTUNE_RETURN_IF_ERROR(Environment::Check(dataset, options));
  const Environment environment(dataset, options);
  ATTUNE_ASSIGN_OR_RETURN(const std::unique_ptr<LlmBackend> backend,
                          flags.backend.Make());
  ATTUNE_ASSIGN_OR_RETURN(
      const client::PromptClient client,
      client::PromptClient::Create({.target = flags.server}));
  Json report = {{"users", Json::array()}};
  std::vector<int> users = dataset.UsersOf(UserSplit::kTest);
  users.resize(std::min<size_t>(users.size(), std::max(flags.users, 1)));
  for (size_t i = 0; i < users.size(); ++i) {
    const Task task =
        environment.MakeTask(users[i], /*draw=*/0, static_cast<int>(i));
    ATTUNE_ASSIGN_OR_RETURN(
        Json object,
        CompareOne(flags, client, *backend, dataset.users[users[i]], task));
    report["users"].push_back(std::move(object));
  }
  if (flags.json.empty()) return absl::OkStatus();
  return WriteFileAtomically(flags.json, report.dump(2) + "\n");
}

}  // namespace

Command AddCompareCommand(CLI::App& app) {
  auto flags = std::make_shared<CompareFlags>();
  CLI::App* command = app.add_subcommand(
      "compare",
      "Asks a running server for real test users' prompts, by two of its\n"
      "revisions, and lets the LLM rank with each: before and after training.");
  flags->data.AddTo(*command);
  flags->backend.AddTo(*command);
  command->add_option("--server", flags->server, "Address of the data plane")
      ->envname("ATTUNE_SERVER")
      ->capture_default_str();
  command
      ->add_option("--before", flags->before,
                   "Id of the revision that samples its prompt")
      ->required();
  command->add_option("--after", flags->after,
                      "Id of the revision that takes its best prompt; the\n"
                      "active one if empty");
  command->add_option("--users", flags->users, "Number of test users")
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "Seed of the prompts")
      ->capture_default_str();
  command->add_option("--json", flags->json, "Write the results here as JSON");
  return {.app = command, .run = [flags] { return Compare(*flags); }};
}

}  // namespace attune::trainer
