// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/logged_decisions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>

#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

class LoggedDecisionsTest : public ::testing::Test {
 protected:
  ~LoggedDecisionsTest() override { std::remove(path_.c_str()); }

  // The bytes of a file with decisions that show `sizes` candidates.
  static std::string FileOf(const std::vector<int>& sizes) {
    std::ostringstream out;
    WriteLoggedDecisionsMagic(out);
    for (const int size : sizes) {
      v1::LoggedDecision decision;
      decision.mutable_feedback()->set_reward(0.5F);
      for (int i = 0; i < size; ++i) {
        decision.add_displayed_item_ids("item-" + std::to_string(i));
      }
      WriteLoggedDecision(decision, out);
    }
    return out.str();
  }
  const std::string& Write(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return path_;
  }

  const std::string path_ =
      ::testing::TempDir() + "/attune_log_test." +
      ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(LoggedDecisionsTest, ReadsWhatWasWritten) {
  auto reader = LoggedDecisionReader::Open(Write(FileOf({2, 0, 5000})));
  ASSERT_THAT(reader, IsOk());
  v1::LoggedDecision decision;
  for (const int size : {2, 0, 5000}) {
    ASSERT_TRUE(reader->Next(&decision).value());
    EXPECT_EQ(decision.displayed_item_ids_size(), size);
    EXPECT_EQ(decision.feedback().reward(), 0.5F);
  }
  EXPECT_FALSE(reader->Next(&decision).value());
}

TEST_F(LoggedDecisionsTest, RefusesOtherFiles) {
  EXPECT_THAT(LoggedDecisionReader::Open("/nonexistent/log").status(),
              StatusIs(absl::StatusCode::kNotFound));
  for (const char* bytes :
       {"", "attune", "something else entirely, but long"}) {
    EXPECT_THAT(LoggedDecisionReader::Open(Write(bytes)).status(),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(LoggedDecisionsTest, SaysWhereAFileIsCutShort) {
  const std::string whole = FileOf({3, 3});
  const size_t first = FileOf({3}).size();
  for (size_t size = first + 1; size < whole.size(); ++size) {
    auto reader = LoggedDecisionReader::Open(Write(whole.substr(0, size)));
    ASSERT_THAT(reader, IsOk());
    v1::LoggedDecision decision;
    ASSERT_TRUE(reader->Next(&decision).value());
    EXPECT_THAT(
        reader->Next(&decision).status(),
        StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 1: the file")));
  }
}

TEST_F(LoggedDecisionsTest, RefusesRecordsThatAreNone) {
  const std::string magic = FileOf({});
  for (const std::string& record :
       {std::string("\xff\xff\xff\xff\xff\x01", 6), std::string("\x02zz"),
        std::string("\xff\xff\xff\x7f", 4)}) {
    auto reader = LoggedDecisionReader::Open(Write(magic + record));
    v1::LoggedDecision decision;
    EXPECT_THAT(reader->Next(&decision).status(),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

}  // namespace
}  // namespace attune::policy
