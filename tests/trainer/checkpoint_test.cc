// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/checkpoint.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() {
    std::string pattern = ::testing::TempDir() + "attune-checkpoint-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~CheckpointTest() override { std::filesystem::remove_all(directory_); }

  static Checkpoint Sample() {
    return {.fingerprint = "data and settings",
            .totals = {.round = 3,
                       .rankings = 95,
                       .cache_hits = 7,
                       .dropped = 1,
                       .partial_parses = 4,
                       .failed_parses = 2,
                       .llm_calls = 88,
                       .prompt_tokens = 12345678901,
                       .answer_tokens = 11},
            .metrics_bytes = 4096,
            // Any bytes, line ends included.
            .learner_state = std::string("\n\0weights\n\xFF", 11)};
  }

  std::string Bytes() const {
    std::ifstream file(CheckpointPath(directory_), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& bytes) const {
    std::ofstream(CheckpointPath(directory_), std::ios::binary) << bytes;
  }
  // How many files there are: a temporary one must not stay.
  int Files() const {
    return static_cast<int>(
        std::distance(std::filesystem::directory_iterator(directory_), {}));
  }

  std::string directory_;
};

TEST_F(CheckpointTest, LoadsWhatWasSaved) {
  ASSERT_THAT(SaveCheckpoint(directory_, Sample()), IsOk());
  const auto loaded = LoadCheckpoint(directory_);
  ASSERT_THAT(loaded, IsOk());
  ASSERT_TRUE(loaded->has_value());
  const Checkpoint& checkpoint = **loaded;
  EXPECT_EQ(checkpoint.fingerprint, Sample().fingerprint);
  EXPECT_EQ(checkpoint.metrics_bytes, 4096);
  EXPECT_EQ(checkpoint.learner_state, Sample().learner_state);
  EXPECT_EQ(checkpoint.totals.round, 3);
  EXPECT_EQ(checkpoint.totals.rankings, 95);
  EXPECT_EQ(checkpoint.totals.cache_hits, 7);
  EXPECT_EQ(checkpoint.totals.dropped, 1);
  EXPECT_EQ(checkpoint.totals.partial_parses, 4);
  EXPECT_EQ(checkpoint.totals.failed_parses, 2);
  EXPECT_EQ(checkpoint.totals.llm_calls, 88);
  EXPECT_EQ(checkpoint.totals.prompt_tokens, 12345678901);
  EXPECT_EQ(checkpoint.totals.answer_tokens, 11);
}

TEST_F(CheckpointTest, IsReplacedAsAWhole) {
  ASSERT_THAT(SaveCheckpoint(directory_, Sample()), IsOk());
  Checkpoint later = Sample();
  later.totals.round = 4;
  later.learner_state = "short";
  ASSERT_THAT(SaveCheckpoint(directory_, later), IsOk());
  const auto loaded = LoadCheckpoint(directory_);
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ((*loaded)->totals.round, 4);
  EXPECT_EQ((*loaded)->learner_state, "short");
  EXPECT_EQ(Files(), 1);
}

TEST_F(CheckpointTest, IsNoneInAnEmptyDirectory) {
  const auto loaded = LoadCheckpoint(directory_);
  ASSERT_THAT(loaded, IsOk());
  EXPECT_FALSE(loaded->has_value());
}

TEST_F(CheckpointTest, RefusesEveryTruncation) {
  ASSERT_THAT(SaveCheckpoint(directory_, Sample()), IsOk());
  const std::string whole = Bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    Write(whole.substr(0, size));
    EXPECT_THAT(LoadCheckpoint(directory_),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("checkpoint")))
        << size << " of " << whole.size() << " bytes";
  }
}

TEST_F(CheckpointTest, RefusesWhatIsNotACheckpoint) {
  for (const char* bytes :
       {"\n", "{}\n", "[]\n", "null\n", "{\"format\":2}\n", "not json\n",
        "{\"format\":1,\"fingerprint\":5}\n"}) {
    Write(bytes);
    EXPECT_THAT(LoadCheckpoint(directory_),
                StatusIs(absl::StatusCode::kDataLoss))
        << bytes;
  }
}

TEST_F(CheckpointTest, SavingToNowhereFails) {
  EXPECT_FALSE(SaveCheckpoint(directory_ + "/missing", Sample()).ok());
}

}  // namespace
}  // namespace attune::trainer
