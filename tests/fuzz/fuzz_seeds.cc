// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// usage: fuzz_seeds DIRECTORY
//
// Writes the inputs that targets begin with and that are not text:
// DIRECTORY/<target>/<name>. The same bytes on every call.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "attune/v1/prompt_service.pb.h"
#include "policy/item_proto.h"
#include "policy/logged_decisions.h"
#include "server/decision_token.h"
#include "tests/fuzz/fuzz.h"
#include "tests/server/log_builders.h"

namespace attune::fuzz {
namespace {

class Seeds {
 public:
  explicit Seeds(std::string directory) : directory_(std::move(directory)) {}

  void Write(const std::string& target, const std::string& name,
             const std::string& bytes) const {
    const std::string folder = directory_ + "/" + target;
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
  }

 private:
  const std::string directory_;
};

v1::GetPromptRequest MakeRequest(int history, int candidates) {
  v1::GetPromptRequest request;
  policy::ItemsToProto(testing::SampleHistory(history),
                       request.mutable_history());
  policy::ItemsToProto(testing::SampleCandidates(candidates),
                       request.mutable_candidates());
  request.set_user_id("u");
  return request;
}

std::string MakeToken() {
  server::DecisionClaims claims;
  claims.issue_time = absl::FromUnixSeconds(1764000000);
  claims.revision_id = "0123456789abcdef";
  claims.options = {0, 1, 1};
  claims.probabilities = {0.5F, 0.25F, 1.0F};
  claims.history_length = 5;
  const std::string token =
      server::TokenSigner::Create({.key = std::string(32, 'k')})->Sign(claims);
  return token.substr(0, token.size() - 32);
}

void WriteAll(const Seeds& seeds) {
  using policy::HeadsKind;
  seeds.Write("revision", "uniform", TinyRevision(HeadsKind::kUniform));
  seeds.Write("revision", "independent", TinyRevision(HeadsKind::kIndependent));
  seeds.Write("revision", "autoregressive",
              TinyRevision(HeadsKind::kAutoregressive));
  seeds.Write("token", "token", MakeToken());
  auto request = MakeRequest(3, 4);
  seeds.Write("prompt", "plain", request.SerializeAsString());
  request.set_seed(7);
  request.set_readout(v1::READOUT_GENERATE);
  request.set_mode(v1::DECISION_MODE_GREEDY);
  request.mutable_previous()->set_decision_token(MakeToken());
  request.mutable_previous()->add_ranked_item_ids("item-036");
  seeds.Write("prompt", "refined", request.SerializeAsString());
  const std::string record = server::MakeDecision(1).bytes;
  seeds.Write("log", "row", "r" + record);
  v1::LoggedDecision decision;
  decision.ParseFromString(record);
  std::ostringstream exported;
  policy::WriteLoggedDecision(decision, exported);
  seeds.Write("log", "export", "e" + exported.str());
  seeds.Write("files", "all", {0x20, 0x7f, 0x21, 0x05, 0x42, 0x7f, 0x03});
}

}  // namespace
}  // namespace attune::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds DIRECTORY\n");
    return 2;
  }
  attune::fuzz::WriteAll(attune::fuzz::Seeds(argv[1]));
  return 0;
}
