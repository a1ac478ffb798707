// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/testing/status_matchers.h"
#include "trainer/report_assets.h"

namespace attune::trainer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::ordered_json;

// The least that a report needs.
Json SmallEvaluation() {
  return Json::parse(R"({
    "schema": "attune.evaluation/1", "dataset": "synthetic",
    "methods": [{"name": "ppo", "kind": "learner", "slices": {"all":
      {"ndcg_at_10": {"mean": 0.625, "low": 0.6, "high": 0.65}}}}]})");
}

std::string Page(const ReportSources& sources) {
  const absl::StatusOr<std::string> page = MakeReport(sources);
  EXPECT_THAT(page, testing::IsOk());
  return page.value_or("");
}

NamedText File(const Json& json) { return {"a.json", json.dump()}; }

// The JSON between the data element's tags, parsed.
Json DataOf(const std::string& page) {
  const std::string open = R"(<script type="application/json" id="data">)";
  const size_t begin = page.find(open) + open.size();
  return Json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

int Count(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

TEST(ReportTest, HoldsTheEvaluationAndTheTraining) {
  const NamedText training = {
      "run/metrics.jsonl",
      R"({"kind":"start"})"
      "\n"
      R"({"kind":"round","rankings":16,"llm_calls":15,"reward":0.5,"entropy.hint":1.25,"seconds":9})"
      "\n"};
  const std::string page = Page({.title = "Sample",
                                 .evaluations = {File(SmallEvaluation())},
                                 .trainings = {training}});
  EXPECT_THAT(page, HasSubstr("<title>Sample</title>"));
  const Json data = DataOf(page);
  EXPECT_EQ(data["evaluations"][0]["methods"], SmallEvaluation()["methods"]);
  EXPECT_EQ(data["evaluations"][0]["file"], "a.json");
  EXPECT_EQ(data["trainings"], Json::parse(R"([{"name":"run/metrics.jsonl",
    "rounds":[{"rankings":16,"llm_calls":15,"reward":0.5,
               "entropy":{"hint":1.25}}]}])"));
}

TEST(ReportTest, LeavesNoPlaceholderAndEndsEveryElement) {
  const std::string page =
      Page({.title = "x", .evaluations = {File(SmallEvaluation())}});
  EXPECT_THAT(page, Not(HasSubstr("{{")));
  EXPECT_EQ(Count(page, "<script"), 3);
  EXPECT_EQ(Count(page, "</script>"), 3);
  for (const std::string tag : {"html", "head", "body", "style", "main"}) {
    EXPECT_EQ(Count(page, "</" + tag + ">"), 1) << tag;
  }
}

TEST(ReportTest, LoadsNothing) {
  const std::string page =
      Page({.title = "x", .evaluations = {File(SmallEvaluation())}});
  for (const char* part :
       {" src=", "<link", "@import", "url(", "fetch(", "import("}) {
    EXPECT_THAT(std::string(ReportPage()), Not(HasSubstr(part)));
    EXPECT_THAT(std::string(ReportStyle()), Not(HasSubstr(part)));
    EXPECT_THAT(std::string(ReportScript()), Not(HasSubstr(part)));
  }
  for (const auto own : {ReportPage(), ReportStyle(), ReportScript()}) {
    EXPECT_THAT(std::string(own), Not(HasSubstr("://")));
  }
  // The browser refuses what D3 could load.
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(ReportTest, TextCannotLeaveItsPlace) {
  Json evaluation = SmallEvaluation();
  const std::string attack = "</script><script>alert(1)</script>{{script}}<!--";
  evaluation["dataset"] = attack;
  evaluation["methods"][0]["name"] = attack;
  const std::string page =
      Page({.title = "\"'><img>&", .evaluations = {File(evaluation)}});
  EXPECT_EQ(Count(page, "</script>"), 3);
  EXPECT_THAT(page, Not(HasSubstr("alert(1)</")));
  EXPECT_THAT(page,
              HasSubstr("<title>&quot;&#39;&gt;&lt;img&gt;&amp;</title>"));
  EXPECT_EQ(DataOf(page)["evaluations"][0]["dataset"], attack);
}

TEST(ReportTest, EmbedsTheWholeFiles) {
  EXPECT_TRUE(ReportPage().starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(ReportPage().ends_with("</html>\n"));
  EXPECT_TRUE(ReportScript().ends_with("})();\n"));
  EXPECT_TRUE(ReportLibrary().starts_with("// https://d3js.org v5."));
  EXPECT_EQ(ReportLibrary().find("</script"), std::string_view::npos);
  EXPECT_EQ(ReportLibrary().find("<!--"), std::string_view::npos);
}

struct BadCase {
  const char* pointer;  // where the value goes; null erases
  Json value;
  const char* problem;
};

TEST(ReportTest, NamesWhatIsMissingOrWrong) {
  const std::vector<BadCase> cases = {
      {"/schema", nullptr, "a.json: schema is missing"},
      {"/schema", "other/2", "schema \"other/2\" is not"},
      {"/dataset", 3, "a.json: dataset is not a string"},
      {"/methods", Json::array(), "a.json: methods is empty"},
      {"/methods/0/kind", nullptr, "a.json: methods[0].kind is missing"},
      {"/methods/0/slices", nullptr, "a.json: methods[0].slices is missing"},
      {"/methods/0/slices/all/ndcg_at_10/low", nullptr,
       "a.json: methods[0].slices.all.ndcg_at_10.low is missing"},
      {"/methods/0/slices/all/ndcg_at_10/high", "0.7",
       "a.json: methods[0].slices.all.ndcg_at_10.high is not a number"},
      {"/shuffle", Json::object(), "a.json: shuffle is not an array"},
      {"/comparisons",
       {{{"method", "ppo"}}},
       "a.json: comparisons[0].baseline is missing"},
  };
  for (const BadCase& bad : cases) {
    Json evaluation = SmallEvaluation();
    const Json::json_pointer pointer(bad.pointer);
    if (bad.value.is_null()) {
      evaluation[pointer.parent_pointer()].erase(pointer.back());
    } else {
      evaluation[pointer] = bad.value;
    }
    const absl::Status status = CheckEvaluation(File(evaluation));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(bad.problem));
  }
}

TEST(ReportTest, NamesABrokenFile) {
  EXPECT_THAT(std::string(CheckEvaluation({"b.json", "{"}).message()),
              HasSubstr("b.json is not a JSON object"));
  const auto training = [](const char* text) {
    return std::string(
        MakeReport({.trainings = {{"m.jsonl", text}}}).status().message());
  };
  EXPECT_THAT(training("{\"kind\":\"round\"}\n"),
              HasSubstr("m.jsonl:1: rankings is missing"));
  EXPECT_THAT(training("{}\nnonsense\n"), HasSubstr("m.jsonl:2 is not"));
  EXPECT_THAT(training("{}\n"), HasSubstr("m.jsonl has no round"));
  EXPECT_EQ(MakeReport({}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace attune::trainer
