// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/caching_backend.h"

#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/llm_prompts.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

// Counts what it is asked; fails prompts whose message is in `failing`.
class CountingBackend final : public LlmBackend {
 public:
  std::vector<absl::StatusOr<LlmAnswer>> Answer(
      absl::Span<const LlmRequest> requests) override {
    std::vector<absl::StatusOr<LlmAnswer>> answers;
    for (const LlmRequest& request : requests) {
      ++asked;
      const std::string text = request.prompt->messages[0].Text();
      if (failing.contains(text)) {
        answers.emplace_back(absl::UnavailableError("down"));
        continue;
      }
      LlmAnswer answer;
      answer.text = std::string("\xFF\0", 2) + text;
      answer.displayed_scores = {0.1F, -2.5F, static_cast<float>(asked)};
      answer.usage = {.llm_calls = 1, .prompt_tokens = 11, .answer_tokens = 3};
      answers.emplace_back(std::move(answer));
    }
    return answers;
  }
  std::string Identity() const override { return identity; }
  bool Cacheable() const override { return cacheable; }
  bool Samples() const override { return samples; }

  int asked = 0;
  std::set<std::string> failing;
  std::string identity = "fake";
  bool cacheable = true;
  bool samples = false;
};

class CachingBackendTest : public ::testing::Test {
 protected:
  CachingBackendTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    dir_ = std::filesystem::path(::testing::TempDir()) /
           ("attune_cache_" + std::string(info->name()) + "_" +
            std::to_string(::getpid()));
    std::filesystem::create_directories(dir_);
    path_ = dir_ / "rewards.sqlite";
  }
  ~CachingBackendTest() override { std::filesystem::remove_all(dir_); }

  // A backend that asks `fake_`.
  std::unique_ptr<CachingBackend> Open() {
    auto inner = std::make_unique<CountingBackend>();
    fake_ = inner.get();
    auto backend = CachingBackend::Create(std::move(inner), path_);
    EXPECT_THAT(backend, IsOk());
    return backend.ok() ? *std::move(backend) : nullptr;
  }

  std::filesystem::path dir_;
  std::string path_;
  CountingBackend* fake_ = nullptr;
};

policy::RenderedPrompt Prompt(const std::string& text) {
  return MakePrompt(policy::Readout::kGenerate, text, {"Alien"});
}

std::vector<absl::StatusOr<LlmAnswer>> Ask(
    LlmBackend& backend, const std::vector<policy::RenderedPrompt>& prompts,
    uint64_t seed = 0) {
  std::vector<LlmRequest> requests;
  for (const auto& prompt : prompts) {
    requests.push_back({.prompt = &prompt, .seed = seed});
  }
  return backend.Answer(requests);
}

TEST_F(CachingBackendTest, AnswersRepeatsForFreeAndBitByBit) {
  auto backend = Open();
  const auto first = Ask(*backend, {Prompt("a"), Prompt("b")});
  const auto second = Ask(*backend, {Prompt("b"), Prompt("c"), Prompt("a")});
  EXPECT_EQ(fake_->asked, 3);
  ASSERT_THAT(second[0], IsOk());
  EXPECT_EQ(second[0]->text, first[1]->text);
  EXPECT_EQ(second[0]->displayed_scores, first[1]->displayed_scores);
  EXPECT_EQ(second[2]->displayed_scores, first[0]->displayed_scores);
  EXPECT_EQ(first[0]->usage.llm_calls, 1);
  EXPECT_EQ(second[0]->usage.llm_calls, 0);
  EXPECT_EQ(second[0]->usage.prompt_tokens, 0);
  EXPECT_EQ(second[1]->usage.llm_calls, 1);
  EXPECT_EQ(backend->hits(), 2);
  EXPECT_EQ(backend->misses(), 3);
}

TEST_F(CachingBackendTest, RemembersAfterItIsOpenedAgain) {
  std::vector<float> scores;
  {
    auto backend = Open();
    scores = Ask(*backend, {Prompt("a")})[0]->displayed_scores;
  }
  auto backend = Open();
  const auto again = Ask(*backend, {Prompt("a")});
  EXPECT_EQ(fake_->asked, 0);
  EXPECT_EQ(again[0]->displayed_scores, scores);
}

TEST_F(CachingBackendTest, AsksAPromptThatIsThereTwiceOnce) {
  auto backend = Open();
  const auto answers = Ask(*backend, {Prompt("a"), Prompt("b"), Prompt("a")});
  EXPECT_EQ(fake_->asked, 2);
  EXPECT_EQ(answers[2]->displayed_scores, answers[0]->displayed_scores);
  EXPECT_EQ(answers[0]->usage.llm_calls, 1);
  EXPECT_EQ(answers[2]->usage.llm_calls, 0);
}

TEST_F(CachingBackendTest, NeverKeepsAFailure) {
  auto backend = Open();
  fake_->failing = {"a"};
  const auto failed = Ask(*backend, {Prompt("a"), Prompt("b"), Prompt("a")});
  EXPECT_THAT(failed[0], StatusIs(Code::kUnavailable));
  EXPECT_THAT(failed[1], IsOk());
  EXPECT_THAT(failed[2], StatusIs(Code::kUnavailable));
  fake_->failing.clear();
  EXPECT_THAT(Ask(*backend, {Prompt("a")})[0], IsOk());
  EXPECT_EQ(fake_->asked, 3);
}

TEST_F(CachingBackendTest, TellsIdentitiesAndPromptsApart) {
  {
    auto backend = Open();
    Ask(*backend, {Prompt("a")});
    auto labels = Prompt("a");
    labels.readout = policy::Readout::kLabels;
    Ask(*backend, {labels});
    EXPECT_EQ(fake_->asked, 2);
  }
  auto inner = std::make_unique<CountingBackend>();
  CountingBackend* other = inner.get();
  other->identity = "fake, another model";
  auto backend = CachingBackend::Create(std::move(inner), path_);
  ASSERT_THAT(backend, IsOk());
  Ask(**backend, {Prompt("a")});
  EXPECT_EQ(other->asked, 1);
}

TEST_F(CachingBackendTest, TellsSeedsApartOnlyIfTheBackendSamples) {
  auto backend = Open();
  Ask(*backend, {Prompt("a")}, 1);
  Ask(*backend, {Prompt("a")}, 2);
  EXPECT_EQ(fake_->asked, 1);
  fake_->samples = true;
  Ask(*backend, {Prompt("a")}, 1);
  Ask(*backend, {Prompt("a")}, 2);
  Ask(*backend, {Prompt("a")}, 2);
  EXPECT_EQ(fake_->asked, 3);
}

TEST_F(CachingBackendTest, RefusesABackendThatMustNotBeCached) {
  auto inner = std::make_unique<CountingBackend>();
  inner->cacheable = false;
  EXPECT_THAT(CachingBackend::Create(std::move(inner), path_),
              StatusIs(Code::kInvalidArgument));
}

TEST_F(CachingBackendTest, RefusesAFileThatIsNoDatabase) {
  std::ofstream(path_) << std::string(5000, 'x');
  EXPECT_THAT(SqliteCache::Open(path_),
              StatusIs(Code::kDataLoss, HasSubstr("not an SQLite")));
  EXPECT_EQ(std::filesystem::file_size(path_), 5000U);
}

TEST_F(CachingBackendTest, RefusesADatabaseOfSomethingElse) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "CREATE TABLE mine(x)", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  EXPECT_THAT(SqliteCache::Open(path_), StatusIs(Code::kFailedPrecondition));
}

TEST_F(CachingBackendTest, RefusesAnotherSchemaVersion) {
  Open();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "PRAGMA user_version=99", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  EXPECT_THAT(SqliteCache::Open(path_),
              StatusIs(Code::kFailedPrecondition, HasSubstr("schema 1")));
}

TEST_F(CachingBackendTest, SaysThatAnotherProcessHoldsTheLock) {
  Open();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr),
            SQLITE_OK);
  EXPECT_THAT(SqliteCache::Open(path_, /*busy_ms=*/1),
              StatusIs(Code::kUnavailable, HasSubstr("locked")));
  sqlite3_close(db);
}

TEST_F(CachingBackendTest, SaysThatThePathCannotBeOpened) {
  EXPECT_THAT(SqliteCache::Open(dir_ / "no" / "such" / "dir"),
              StatusIs(Code::kUnavailable, HasSubstr("cannot be opened")));
}

TEST_F(CachingBackendTest, AsksTheLlmWhenTheCacheBreaksLater) {
  auto backend = Open();
  Ask(*backend, {Prompt("a")});
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "DROP TABLE answers", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  const auto answers = Ask(*backend, {Prompt("a"), Prompt("b")});
  EXPECT_THAT(answers[0], IsOk());
  EXPECT_THAT(answers[1], IsOk());
  EXPECT_EQ(fake_->asked, 3);
}

}  // namespace
}  // namespace attune::trainer
