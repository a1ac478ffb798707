// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Asks for a prompt, reads a ranking from an answer, and gets along without a
// server: quickstart [HOST:PORT]

#include <iostream>
#include <string>
#include <vector>

#include "client/prompt_client.h"
#include "policy/status_macros.h"

namespace {

using attune::client::Prompt;
using attune::client::PromptClient;
using attune::client::RankedItems;
using attune::policy::Item;

// Stands in for the call of your LLM with these chat messages.
std::string PretendLlm(const std::string& messages_json) {
  std::cout << "to the LLM: " << messages_json << "\n";
  return "C, A, B";
}

absl::Status Run(const std::string& target) {
  std::vector<Item> history(2);
  history[0] = {.id = "1", .title = "Toy Story (1995)"};
  history[1] = {.id = "588", .title = "Aladdin (1992)"};
  std::vector<Item> candidates(3);
  candidates[0] = {.id = "71", .title = "Lion King, The (1994)"};
  candidates[1] = {.id = "219", .title = "Nightmare on Elm Street, A (1984)"};
  candidates[2] = {.id = "95", .title = "Jungle Book, The (1994)"};
  auto request = attune::client::MakeRequest(history, candidates);
  request.set_readout(attune::v1::READOUT_GENERATE);

  ATTUNE_ASSIGN_OR_RETURN(PromptClient client,
                          PromptClient::Create({.target = target}));
  ATTUNE_ASSIGN_OR_RETURN(Prompt plain, attune::client::PlainPrompt(request));
  ATTUNE_ASSIGN_OR_RETURN(Prompt prompt, client.GetPromptOr(request, plain));
  std::cout << "fallback: " << (prompt.is_fallback ? "yes" : "no") << "\n"
            << "revision: " << prompt.revision << "\n";

  const std::string answer =
      PretendLlm(attune::client::ToChatMessagesJson(prompt));
  ATTUNE_ASSIGN_OR_RETURN(RankedItems best,
                          attune::client::ParseRanking(prompt, answer));
  std::cout << "ranking:";
  for (const std::string& id : best.item_ids) std::cout << " " << id;
  std::cout << "\n";
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  const absl::Status status = Run(argc > 1 ? argv[1] : "");
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
