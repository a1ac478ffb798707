// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/cli/cli.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/digest.h"
#include "policy/logged_decisions.h"
#include "tests/client/fake_server.h"

namespace attune::client {
namespace {

using ::attune::testing::FakeServer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Json = nlohmann::json;

struct Result {
  int code = 0;
  std::string out;
  std::string err;
};

class CliTest : public ::testing::Test {
 protected:
  Result Run(std::vector<std::string> arguments, const std::string& input = "",
             bool tty = false) {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    const int code =
        RunCli(std::move(arguments),
               {.in = in, .out = out, .err = err, .err_is_tty = tty});
    return {.code = code, .out = out.str(), .err = err.str()};
  }

  // A subcommand of the data or the control plane, with the sample's items.
  Result Prompt(const std::string& command, std::vector<std::string> more) {
    std::vector<std::string> arguments = {command,
                                          "--server",
                                          server_.target(),
                                          "--history",
                                          "1=Toy Story (1995)",
                                          "--candidate",
                                          "50=Star Wars (1977)",
                                          "--candidate",
                                          "2=GoldenEye (1995)",
                                          "--candidate",
                                          "71=The Lion King (1994)"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(std::move(arguments));
  }
  Result Control(std::vector<std::string> arguments, bool tty = false) {
    arguments.insert(arguments.end(), {"--control", server_.target()});
    return Run(std::move(arguments), "", tty);
  }

  std::string WriteTemp(const std::string& name, const std::string& bytes) {
    std::string path = ::testing::TempDir() + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  FakeServer server_;
};

constexpr char kPromptText[] = R"text(revision  feedfacefeedface
decision  0123456789abcdef0123456789abcdef
readout   generate
history   1 shown

PATTERN    OPTION                       PROBABILITY
hint       best_1                       0.2500

--- system
You know movies.

--- user
I liked Toy Story (1995).
Rank.
)text";

TEST_F(CliTest, PromptPrintsMessagesChoiceAndRevision) {
  const Result result = Prompt("prompt", {});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.out, kPromptText);
  EXPECT_THAT(result.err, IsEmpty());
}

TEST_F(CliTest, PromptPassesItsFlagsOn) {
  const Result result =
      Prompt("prompt", {"--greedy", "--seed", "7", "--user", "u1", "--policy",
                        "movies", "--revision", "r1", "--readout", "labels"});
  ASSERT_EQ(result.code, kExitOk) << result.err;
  const v1::GetPromptRequest request = server_.prompt.last_request();
  EXPECT_EQ(request.mode(), v1::DECISION_MODE_GREEDY);
  EXPECT_EQ(request.seed(), 7U);
  EXPECT_EQ(request.user_id(), "u1");
  EXPECT_EQ(request.policy(), "movies");
  EXPECT_EQ(request.revision(), "r1");
  EXPECT_EQ(request.readout(), v1::READOUT_LABELS);
  ASSERT_EQ(request.candidates_size(), 3);
  EXPECT_EQ(request.candidates(1).item_id(), "2");
  EXPECT_EQ(request.candidates(1).title(), "GoldenEye (1995)");
}

TEST_F(CliTest, PromptServesTheCallersOwnChoice) {
  const Result result = Prompt(
      "prompt", {"--own-choice", "hint=none", "--own-choice", "role=critic"});
  ASSERT_EQ(result.code, kExitOk) << result.err;
  const v1::GetPromptRequest request = server_.prompt.last_request();
  EXPECT_EQ(request.mode(), v1::DECISION_MODE_APPRENTICE);
  ASSERT_EQ(request.own_choice_size(), 2);
  EXPECT_EQ(request.own_choice(1).pattern(), "role");
  EXPECT_EQ(request.own_choice(1).option_id(), "critic");
  EXPECT_EQ(Prompt("prompt", {"--own-choice", "hint=none", "--greedy"}).code,
            kExitUsage);
}

TEST_F(CliTest, PromptPrintsJson) {
  const Result result = Prompt("prompt", {"--json"});
  ASSERT_EQ(result.code, kExitOk) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["revision"], "feedfacefeedface");
  EXPECT_EQ(json["messages"][1]["content"], "I liked Toy Story (1995).\nRank.");
  EXPECT_EQ(json["choice"][0]["option_id"], "best_1");
  EXPECT_EQ(json["choice"][0]["probability"], 0.25);
  EXPECT_EQ(json["answer"]["readout"], "generate");
  EXPECT_EQ(json["answer"]["displayed_item_ids"],
            Json::array({"71", "50", "2"}));
  EXPECT_EQ(json["expire_time"], "2027-01-15T08:00:00Z");
  std::string token;
  ASSERT_TRUE(
      absl::Base64Unescape(json["decision_token"].get<std::string>(), &token));
  EXPECT_EQ(token, std::string("\0token\xFF", 7));
}

constexpr char kRequestJson[] = R"json({
  "history": [{"item_id": "1", "title": "Toy = Story", "weight": 5}],
  "candidates": [{"itemId": "2", "title": "b"}, {"item_id": "3", "title": "c"}],
  "seed": "9"
})json";

TEST_F(CliTest, PromptReadsARequestFromStdinOrAFile) {
  const std::string path = WriteTemp("cli_request.json", kRequestJson);
  for (const std::string& file : {std::string("-"), path}) {
    const Result result =
        Run({"prompt", "--request", file, "--server", server_.target()},
            file == "-" ? kRequestJson : "");
    ASSERT_EQ(result.code, kExitOk) << result.err;
    const v1::GetPromptRequest request = server_.prompt.last_request();
    EXPECT_EQ(request.history(0).title(), "Toy = Story");
    EXPECT_EQ(request.history(0).weight(), 5.0F);
    EXPECT_EQ(request.candidates(0).item_id(), "2");
    EXPECT_EQ(request.seed(), 9U);
  }
  std::remove(path.c_str());
}

TEST_F(CliTest, PromptRefusesABadRequestFile) {
  const Result result =
      Run({"prompt", "--request", "-", "--server", server_.target()},
          "{\"history\": [");
  EXPECT_EQ(result.code, kExitError);
  EXPECT_THAT(result.err, HasSubstr("attune: INVALID_ARGUMENT: stdin: "));
  EXPECT_THAT(result.out, IsEmpty());
  const Result missing =
      Run({"prompt", "--request", "/nonexistent/request.json"});
  EXPECT_EQ(missing.code, kExitError);
  EXPECT_THAT(missing.err, HasSubstr("NOT_FOUND"));
  EXPECT_EQ(server_.prompt.calls(), 0);
}

TEST_F(CliTest, PromptReportsTheServersError) {
  server_.prompt.FailNext(
      {grpc::Status(grpc::StatusCode::NOT_FOUND, "revision: not loaded")});
  const Result result = Prompt("prompt", {"--json"});
  EXPECT_EQ(result.code, kExitError);
  EXPECT_EQ(result.err, "attune: NOT_FOUND: revision: not loaded\n");
  EXPECT_THAT(result.out, IsEmpty());
}

TEST_F(CliTest, PromptTakesTheAddressFromTheEnvironment) {
  ::setenv("ATTUNE_SERVER", server_.target().c_str(), 1);
  const Result result = Run({"prompt", "--request", "-"}, kRequestJson);
  ::unsetenv("ATTUNE_SERVER");
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(server_.prompt.calls(), 1);
}

TEST_F(CliTest, SaysWhereToLookWhenNobodyListens) {
  server_.Stop();
  const Result result = Control({"revisions"});
  EXPECT_EQ(result.code, kExitError);
  EXPECT_THAT(result.err, HasSubstr("attune: UNAVAILABLE: "));
  EXPECT_THAT(result.err, HasSubstr("is attune_server running"));
}

TEST_F(CliTest, PreviewSendsTheChoice) {
  const Result result =
      Prompt("preview", {"--choice", "hint=best_1", "--json"});
  ASSERT_EQ(result.code, kExitOk) << result.err;
  const v1::PreviewPromptRequest request = server_.prompt.last_preview();
  ASSERT_EQ(request.choice_size(), 1);
  EXPECT_EQ(request.choice(0).pattern(), "hint");
  EXPECT_EQ(request.choice(0).option_id(), "best_1");
  EXPECT_EQ(Json::parse(result.out)["decision_id"], "");
  EXPECT_THAT(Prompt("preview", {}).out, Not(HasSubstr("decision ")));
}

constexpr char kRevisionsText[] =
    R"text(REVISION          STATE   POLICY                 BYTES  PUSHED
aaaaaaaaaaaaaaaa  ACTIVE  movies                  1001  2023-11-14T22:13:20Z
bbbbbbbbbbbbbbbb  READY   movies                  1002  2023-11-14T22:13:20Z
cccccccccccccccc  READY   movies                  1003  2023-11-14T22:13:20Z
)text";

TEST_F(CliTest, RevisionsListsThem) {
  EXPECT_EQ(Control({"revisions"}).out, "no revision has been pushed\n");
  EXPECT_EQ(Control({"revisions", "--json"}).out, "[]\n");
  server_.policy.AddRevisions(
      {"aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc"});
  const Result text = Control({"revisions"});
  EXPECT_EQ(text.code, kExitOk) << text.err;
  EXPECT_EQ(text.out, kRevisionsText);
  const Json json = Json::parse(Control({"revisions", "--json"}).out);
  ASSERT_EQ(json.size(), 3U);
  EXPECT_EQ(json[0]["state"], "ACTIVE");
  EXPECT_EQ(json[2]["revision_id"], "cccccccccccccccc");
  EXPECT_EQ(json[2]["training"]["learner"], "ppo");
}

TEST_F(CliTest, RevisionsShowsOne) {
  server_.policy.AddRevisions({"aaaaaaaaaaaaaaaa"});
  const Result text = Control({"revisions", "aaaaaaaaaaaaaaaa"});
  EXPECT_EQ(text.code, kExitOk) << text.err;
  EXPECT_THAT(text.out, HasSubstr("learner   ppo\n"));
  const Result json = Control({"revisions", "aaaaaaaaaaaaaaaa", "--json"});
  EXPECT_EQ(Json::parse(json.out)["byte_size"], 1001);
  const Result none = Control({"revisions", "zzz"});
  EXPECT_EQ(none.code, kExitError);
  EXPECT_THAT(none.err, HasSubstr("NOT_FOUND"));
}

TEST_F(CliTest, PushStoresTheFile) {
  const std::string bytes(3'000'000, 'x');
  const std::string id = policy::Sha256Hex(bytes).substr(0, 16);
  const std::string path = WriteTemp("cli_push.attune", bytes);
  const Result first = Control({"push", path});
  EXPECT_EQ(first.code, kExitOk) << first.err;
  EXPECT_EQ(first.out, id + " READY\n");
  EXPECT_THAT(first.err, IsEmpty());
  const Result again = Control({"push", path, "--activate"});
  EXPECT_EQ(again.out, id + " ACTIVE (stored before)\n");
  EXPECT_EQ(server_.policy.active(), id);
  const Json json = Json::parse(Control({"push", path, "--json"}).out);
  EXPECT_EQ(json["revision"]["revision_id"], id);
  EXPECT_EQ(json["already_stored"], true);
  std::remove(path.c_str());
}

TEST_F(CliTest, PushShowsProgressToPeopleOnly) {
  const std::string path =
      WriteTemp("cli_progress.attune", std::string(2 * 1024 * 1024, 'y'));
  const Result result = Control({"push", path}, /*tty=*/true);
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_THAT(result.err, HasSubstr("\rpushing  25 % (0.5 of 2.0 MiB)"));
  EXPECT_THAT(result.err, HasSubstr("\rpushing 100 % (2.0 of 2.0 MiB)\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("pushing")));
  std::remove(path.c_str());
}

TEST_F(CliTest, PushNamesAFileThatIsNotThere) {
  const Result result = Control({"push", "/nonexistent/r.attune"});
  EXPECT_EQ(result.code, kExitError);
  EXPECT_THAT(result.err, HasSubstr("NOT_FOUND: cannot open /nonexistent/r"));
}

TEST_F(CliTest, ActivatesAndRollsBack) {
  EXPECT_EQ(Control({"activate", "r1"}).out, "active r1\n");
  EXPECT_EQ(Json::parse(Control({"activate", "r2", "--json"}).out)["active"],
            "r2");
  EXPECT_EQ(Control({"rollback"}).out, "active r1\n");
  const Result result = Control({"rollback", "--json"});
  EXPECT_EQ(result.code, kExitError);
  EXPECT_EQ(result.err, "attune: FAILED_PRECONDITION: no earlier revision\n");
  EXPECT_THAT(result.out, IsEmpty());
}

TEST_F(CliTest, TrafficChangesWhatIsNamedAndLeavesTheRest) {
  ASSERT_EQ(Control({"activate", "r1"}).code, kExitOk);
  EXPECT_EQ(Control({"traffic"}).out, "active r1\n");
  EXPECT_EQ(Control({"traffic", "--canary", "r2", "--share", "0.05", "--reason",
                     "try it"})
                .out,
            "active r1\ncanary r2 5 % of users\n");
  EXPECT_EQ(server_.policy.reason(), "try it");
  EXPECT_EQ(Control({"traffic", "--shadow", "r3", "--share", "0.2"}).out,
            "active r1\ncanary r2 20 % of users\nshadow r3\n");
  const auto json = Json::parse(Control({"traffic", "--json"}).out);
  EXPECT_EQ(json["canary"]["revision"], "r2");
  EXPECT_EQ(json["shadow"], "r3");
  EXPECT_EQ(Control({"traffic", "--no-canary", "--no-shadow"}).out,
            "active r1\n");
}

TEST_F(CliTest, TrafficNamesWhatIsMissing) {
  EXPECT_EQ(Control({"traffic", "--canary", "r2"}).err,
            "attune: INVALID_ARGUMENT: --canary needs --share\n");
  EXPECT_EQ(Control({"traffic", "--share", "0.2"}).err,
            "attune: INVALID_ARGUMENT: --share: there is no canary\n");
}

// The fake ends each stream after one update, so the command opens another.
TEST_F(CliTest, WatchGoesOnWhenTheStreamBreaks) {
  ASSERT_EQ(Control({"activate", "r1"}).code, kExitOk);
  EXPECT_EQ(Control({"watch", "--count", "2"}).out,
            "active r1\n\nactive r1\n\n");
  const auto json =
      Json::parse(Control({"watch", "--count", "1", "--json"}).out);
  EXPECT_EQ(json["traffic"]["active"], "r1");
}

TEST_F(CliTest, FeedbackReportsAReward) {
  const std::vector<std::string> arguments = {"feedback",
                                              "--server",
                                              server_.target(),
                                              "--token",
                                              absl::Base64Escape("the token"),
                                              "--reward",
                                              "0.5"};
  const Result first = Run(arguments);
  EXPECT_EQ(first.code, kExitOk) << first.err;
  EXPECT_EQ(first.out,
            "decision 0123456789abcdef0123456789abcdef  reward 0.5000\n");
  EXPECT_EQ(server_.prompt.last_feedback().decision_token(), "the token");
  std::vector<std::string> again = arguments;
  again.push_back("--json");
  const Json json = Json::parse(Run(again).out);
  EXPECT_EQ(json["duplicate"], true);
  EXPECT_EQ(json["reward"], 0.5);
}

TEST_F(CliTest, FeedbackReportsARanking) {
  const Result result =
      Run({"feedback", "--server", server_.target(), "--token",
           "dA==", "--ranked", "50", "--ranked", "2", "--relevant", "2"});
  ASSERT_EQ(result.code, kExitOk) << result.err;
  const auto ranking = server_.prompt.last_feedback().ranking();
  ASSERT_EQ(ranking.ranked_item_ids_size(), 2);
  EXPECT_EQ(ranking.ranked_item_ids(1), "2");
  ASSERT_EQ(ranking.relevant_item_ids_size(), 1);
  const Result bad = Run({"feedback", "--server", server_.target(), "--token",
                          "!", "--reward", "1"});
  EXPECT_EQ(bad.code, kExitError);
  EXPECT_THAT(bad.err, HasSubstr("--token: not base64"));
}

TEST_F(CliTest, ExportLogWritesWhatATrainerReads) {
  server_.log.Add("d1", 0.5F);
  server_.log.Add("d2", -1.0F);
  server_.log.Add("d3", 1.0F, v1::DECISION_MODE_APPRENTICE);
  const std::string path = ::testing::TempDir() + "/cli_export.attlog";
  EXPECT_EQ(Control({"export-log", path}).out,
            "3 decisions, 2 with feedback, 1 in apprentice mode\n");
  server_.log.SetDamaged(4);
  const Result result =
      Control({"export-log", path, "--only-with-feedback", "--json"});
  EXPECT_EQ(Json::parse(result.out)["decisions"], 2);
  EXPECT_EQ(result.err, "attune: 4 damaged records were left out\n");
  auto reader = policy::LoggedDecisionReader::Open(path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  v1::LoggedDecision decision;
  EXPECT_TRUE(reader->Next(&decision).value());
  EXPECT_EQ(decision.decision_id(), "d1");
  EXPECT_TRUE(reader->Next(&decision).value());
  EXPECT_EQ(decision.decision_id(), "d3");
  EXPECT_FALSE(reader->Next(&decision).value());
  const Result piped = Control({"export-log", "-", "--only-with-feedback"});
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  EXPECT_EQ(piped.out, bytes.str());
  std::remove(path.c_str());
}

TEST_F(CliTest, ExportLogLeavesNoHalfFile) {
  const Result nowhere = Control({"export-log", "/nonexistent/x"});
  EXPECT_EQ(nowhere.code, kExitError);
  EXPECT_THAT(nowhere.err, HasSubstr("cannot create /nonexistent/x.part"));
  server_.Stop();
  const std::string path = ::testing::TempDir() + "/cli_no_export";
  EXPECT_EQ(Control({"export-log", path, "--timeout", "0.2"}).code, kExitError);
  EXPECT_FALSE(std::ifstream(path).good());
  EXPECT_FALSE(std::ifstream(path + ".part").good());
}

TEST_F(CliTest, ForgetErasesAUser) {
  EXPECT_EQ(Control({"forget", "ann"}).out, "erased 3 decisions, 2 feedback\n");
  EXPECT_EQ(
      Json::parse(Control({"forget", "ann", "--json"}).out)["erased_decisions"],
      3);
  EXPECT_THAT(server_.log.forgotten(), ::testing::ElementsAre("ann", "ann"));
}

TEST_F(CliTest, ExitsWithUsageWhenTheCommandLineIsWrong) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"nonsense"},
      {"push"},
      {"activate"},
      {"revisions", "--nonsense"},
      {"prompt"},
      {"prompt", "--history", "1=a"},
      {"prompt", "--history", "no title", "--candidate", "1=a"},
      {"prompt", "--request", "-", "--history", "1=a"},
      {"prompt", "--request", "-", "--readout", "guess"},
      {"prompt", "--request", "-", "--seed", "x"},
      {"preview", "--request", "-", "--choice", "hint"},
      {"rollback", "--timeout", "-1"},
      {"traffic", "--share", "2"},
      {"traffic", "--canary", "a", "--no-canary"},
      {"watch", "--count", "-1"},
      {"feedback", "--reward", "1"},
      {"feedback", "--token", "dA=="},
      {"feedback", "--token", "dA==", "--reward", "2"},
      {"feedback", "--token", "dA==", "--reward", "1", "--ranked", "1"},
      {"feedback", "--token", "dA==", "--reward", "1", "--relevant", "1"},
      {"export-log"},
      {"forget"}};
  for (const auto& arguments : wrong) {
    const Result result = Run(arguments);
    EXPECT_EQ(result.code, kExitUsage) << ::testing::PrintToString(arguments);
    EXPECT_THAT(result.err, Not(IsEmpty()))
        << ::testing::PrintToString(arguments);
    EXPECT_THAT(result.out, IsEmpty()) << ::testing::PrintToString(arguments);
  }
}

TEST_F(CliTest, EveryCommandHasHelpWithExamples) {
  EXPECT_THAT(Run({"--help"}).out, HasSubstr("Exit codes: 0 done"));
  EXPECT_THAT(Run({"--version"}).out, HasSubstr("attune "));
  for (const std::string command :
       {"prompt", "preview", "feedback", "revisions", "push", "activate",
        "traffic", "rollback", "watch", "export-log", "forget", "health"}) {
    const Result result = Run({command, "--help"});
    EXPECT_EQ(result.code, kExitOk);
    EXPECT_THAT(result.out, HasSubstr("Examples:\n  attune " + command));
    EXPECT_THAT(result.out, HasSubstr("--json"));
  }
}

}  // namespace
}  // namespace attune::client
