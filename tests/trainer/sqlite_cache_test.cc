// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The file; caching_backend_test.cc has what a broken one does to a run.

#include "trainer/sqlite_cache.h"

#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Code = absl::StatusCode;

LlmAnswer Answer(const std::string& text, std::vector<float> scores) {
  LlmAnswer answer;
  answer.text = text;
  answer.displayed_scores = std::move(scores);
  return answer;
}

class SqliteCacheTest : public ::testing::Test {
 protected:
  SqliteCacheTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    dir_ = std::filesystem::path(::testing::TempDir()) /
           ("attune_sqlite_" + std::string(info->name()) + "_" +
            std::to_string(::getpid()));
    std::filesystem::create_directories(dir_);
    path_ = dir_ / "SECRET-path.sqlite";
  }
  ~SqliteCacheTest() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<SqliteCache> Open() {
    auto cache = SqliteCache::Open(path_);
    EXPECT_THAT(cache, IsOk());
    return cache.ok() ? *std::move(cache) : nullptr;
  }
  void Execute(const char* sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
  }

  std::filesystem::path dir_;
  std::string path_;
};

TEST_F(SqliteCacheTest, ReturnsTheVeryBytes) {
  const LlmAnswer odd =
      Answer(std::string("\0\xFF'\n", 4), {-0.0F, 1e-45F, -3.4e38F, 0.1F});
  const LlmAnswer empty = Answer("", {});
  const std::string key("\0k\xFE", 3);
  Open()->Put({{key, &odd}, {"empty", &empty}}).IgnoreError();
  auto cache = Open();
  const auto found = cache->Get(key);
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->text, odd.text);
  EXPECT_EQ((*found)->displayed_scores, odd.displayed_scores);
  EXPECT_TRUE(std::signbit((*found)->displayed_scores[0]));
  EXPECT_EQ((*found)->usage.llm_calls, 0);
  const auto nothing = cache->Get("empty");
  ASSERT_THAT(nothing, IsOk());
  ASSERT_TRUE(nothing->has_value());
  EXPECT_EQ((*nothing)->text, "");
  EXPECT_TRUE((*nothing)->displayed_scores.empty());
  EXPECT_FALSE(cache->Get("other")->has_value());
}

TEST_F(SqliteCacheTest, KeepsTheFirstOfTwoAnswers) {
  auto cache = Open();
  const LlmAnswer first = Answer("first", {1.0F});
  const LlmAnswer second = Answer("second", {2.0F});
  EXPECT_THAT(cache->Put({{"k", &first}}), IsOk());
  EXPECT_THAT(cache->Put({{"k", &second}}), IsOk());
  EXPECT_EQ(cache->Get("k").value()->text, "first");
}

TEST_F(SqliteCacheTest, SharesAFileWithAnotherReaderAndWriter) {
  auto one = Open();
  auto two = Open();
  const LlmAnswer a = Answer("a", {});
  const LlmAnswer b = Answer("b", {});
  EXPECT_THAT(one->Put({{"a", &a}}), IsOk());
  EXPECT_THAT(two->Put({{"b", &b}}), IsOk());
  EXPECT_EQ(two->Get("a").value()->text, "a");
  EXPECT_EQ(one->Get("b").value()->text, "b");
}

TEST_F(SqliteCacheTest, ReportsScoresOfAWrongLength) {
  Open();
  Execute("INSERT INTO answers VALUES(x'6B', x'', x'010203')");
  EXPECT_THAT(Open()->Get("k"),
              StatusIs(Code::kDataLoss, HasSubstr("wrong length")));
}

TEST_F(SqliteCacheTest, ReportsADamagedFileWithoutItsPath) {
  {
    auto cache = Open();
    const LlmAnswer answer = Answer(std::string(20000, 'x'), {});
    EXPECT_THAT(cache->Put({{"k", &answer}}), IsOk());
  }
  Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  // The first page stands; what it points to does not.
  file.seekp(4096);
  file << std::string(8192, '\x5A');
  file.close();
  auto cache = SqliteCache::Open(path_);
  const absl::Status status =
      cache.ok() ? (*cache)->Get("k").status() : cache.status();
  EXPECT_THAT(status,
              StatusIs(Code::kDataLoss,
                       AllOf(HasSubstr("damaged"), Not(HasSubstr("SECRET")))));
}

}  // namespace
}  // namespace attune::trainer
