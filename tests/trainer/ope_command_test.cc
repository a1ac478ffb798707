// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// `attune_trainer ope` and `train --from-log` as a person runs them, on the log
// of a simulated server.

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/logged_decisions.h"
#include "tests/trainer/sim_log.h"

namespace attune::trainer {
namespace {

using ::attune::testing::SimLogWorld;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 3;

class OpeCommandTest : public ::testing::Test {
 protected:
  OpeCommandTest() : sim_(SimSetting::kPaper, kSeed, 400) {
    std::string pattern = ::testing::TempDir() + "attune-ope-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    Write("parent.attune", sim_.UniformArtifact());
    std::ofstream out(Path("week.log"), std::ios::binary);
    policy::WriteLoggedDecisionsMagic(out);
    for (const auto& one : sim_.Log(*sim_.Uniform(), 2000, kSeed)) {
      policy::WriteLoggedDecision(one, out);
    }
  }
  ~OpeCommandTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const {
    return directory_ + "/" + name;
  }
  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }
  // Exit code; what it printed is in output_.
  int Run(const std::string& arguments) {
    const std::string command = "cd " + directory_ + " && " +
                                ATTUNE_TRAINER_BINARY + " " + arguments +
                                " 2>&1";
    output_.clear();
    FILE* pipe = popen(command.c_str(), "r");
    char buffer[4096];
    while (fgets(buffer, sizeof(buffer), pipe) != nullptr) output_ += buffer;
    return WEXITSTATUS(pclose(pipe));
  }

  SimLogWorld sim_;
  std::string directory_;
  std::string output_;
};

TEST_F(OpeCommandTest, ValuesARevisionAsTableAndJson) {
  const auto target = sim_.Random(policy::HeadsKind::kIndependent, 0.5F, 9);
  Write("new.attune", sim_.ArtifactOf(*target));
  ASSERT_EQ(Run("ope --log week.log --revision new.attune --baseline "
                "parent.attune --json ope.json"),
            0)
      << output_;
  EXPECT_THAT(output_, HasSubstr("pseudo_inverse"));
  std::ifstream file(Path("ope.json"));
  const auto json = nlohmann::json::parse(file);
  EXPECT_EQ(json["revision"], target->id());
  ASSERT_EQ(json["estimates"].size(), 4u);
  const double truth = sim_.TrueValue(
      DistributionOf(target->policy().actor(), policy::DecisionMode::kSample),
      target->policy());
  for (const auto& one : json["estimates"]) {
    EXPECT_LE(one["value"]["low"], truth) << one;
    EXPECT_GE(one["value"]["high"], truth) << one;
  }
}

TEST_F(OpeCommandTest, TheLoggingRevisionIsWorthWhatWasEarned) {
  ASSERT_EQ(Run("ope --log week.log --revision parent.attune --json ope.json"),
            0)
      << output_;
  std::ifstream file(Path("ope.json"));
  const auto json = nlohmann::json::parse(file);
  const double earned = json["logged_value"]["value"];
  EXPECT_NEAR(json["estimates"][0]["value"]["value"], earned, 1e-6);
  EXPECT_NEAR(json["estimates"][0]["effective_size"], 2000.0, 1e-3);
}

TEST_F(OpeCommandTest, RefusesWhatTheLogCannotSay) {
  const auto target = sim_.Random(policy::HeadsKind::kIndependent, 8.0F, 9);
  Write("new.attune", sim_.ArtifactOf(*target));
  EXPECT_EQ(Run("ope --log week.log --revision new.attune"), 1);
  EXPECT_THAT(output_, HasSubstr("the effective sample size"));
  Write("week.log", "no log");
  EXPECT_EQ(Run("ope --log week.log --revision new.attune"), 2);
  EXPECT_THAT(output_, HasSubstr("not a file of logged decisions"));
}

TEST_F(OpeCommandTest, TrainsFromTheLogAndKeepsWhatIsThere) {
  const std::string train =
      "train --from-log week.log --parent parent.attune --out next";
  ASSERT_EQ(Run(train), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("2000 rewards"));
  const std::string bytes = ReadFile(Path("next/revision.attune")).value();
  EXPECT_EQ(policy::Revision::Load(bytes).value()->manifest().parent_revision(),
            sim_.Uniform()->id());
  EXPECT_EQ(Run(train), 1);
  EXPECT_THAT(output_, HasSubstr("--overwrite"));
  EXPECT_EQ(Run("train --from-log nowhere.log --parent parent.attune --out "
                "next --overwrite"),
            1);
  EXPECT_EQ(ReadFile(Path("next/revision.attune")).value(), bytes);
}

TEST_F(OpeCommandTest, ImitatesACallerAndSaysHowWell) {
  std::ofstream out(Path("own.log"), std::ios::binary);
  policy::WriteLoggedDecisionsMagic(out);
  const auto caller = [](const Task&) { return std::vector<int>{2, 0, 1, 1}; };
  for (const auto& one :
       sim_.ApprenticeLog(*sim_.Uniform(), caller, 200, kSeed)) {
    policy::WriteLoggedDecision(one, out);
  }
  out.close();
  ASSERT_EQ(Run("train --from-log own.log --imitate --parent parent.attune "
                "--out next"),
            0)
      << output_;
  EXPECT_THAT(output_, HasSubstr("1.000 of the choices (the parent 0.000)"));
  EXPECT_THAT(output_, HasSubstr("the caller's own prompt earned"));
  EXPECT_EQ(Run("ope --log own.log --revision next/revision.attune"), 1);
  EXPECT_THAT(output_, HasSubstr("no support: all 200 decisions"));
  ASSERT_EQ(Run("ope --log own.log --log week.log --revision parent.attune"), 0)
      << output_;
  EXPECT_THAT(output_, HasSubstr("200 rewards of apprentice decisions"));
  EXPECT_EQ(Run("train --imitate --out other"), 2);
}

TEST_F(OpeCommandTest, RefusesTheDirectoryOfARunBeforeItReadsTheLog) {
  std::filesystem::create_directory(Path("next"));
  Write("next/checkpoint", "");
  EXPECT_EQ(Run("train --from-log nowhere.log --parent parent.attune --out "
                "next"),
            1);
  EXPECT_THAT(output_, HasSubstr("next holds a run"));
}

}  // namespace
}  // namespace attune::trainer
