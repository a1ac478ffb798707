// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/checkpoint.h"

#include <unistd.h>

#include <cmath>
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
    Checkpoint checkpoint;
    checkpoint.fingerprint = "data and settings";
    Progress& progress = checkpoint.progress;
    progress.totals.round = 3;
    progress.totals.rankings = 95;
    progress.totals.defaults = 9;
    progress.totals.cache_hits = 7;
    progress.totals.dropped = 1;
    progress.totals.partial_parses = 4;
    progress.totals.failed_parses = 2;
    progress.totals.llm_calls = 88;
    progress.totals.prompt_tokens = 12345678901;
    progress.totals.reused_tokens = 2345678901;
    progress.totals.answer_tokens = 11;
    progress.cursor = {.stream = 24, .pool = 96};
    progress.learned_rounds = 2;
    progress.lost = 1;
    progress.defaults[{.user = 4, .draw = 1, .ordinal = 7}] = 0.1F;
    progress.defaults[{.user = 5, .draw = 0, .ordinal = 8}] = NAN;
    progress.pending.push_back({.state = Eigen::Vector3f(0.1F, -1e-30F, 3.0F),
                                .next_state = Eigen::Vector2f(1.0F / 3, 2.0F),
                                .options = {0, 2},
                                .probabilities = {0.3F, 1.0F},
                                .reward = 0.63092977F,
                                .ease = 0.5F,
                                .group = 12345678901,
                                .default_reward = 0.7F});
    progress.pending.push_back({.state = Eigen::Vector3f::Zero()});
    checkpoint.metrics_bytes = 4096;
    // Any bytes, line ends included.
    checkpoint.learner_state = std::string("\n\0weights\n\xFF", 11);
    return checkpoint;
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
  const Progress& progress = checkpoint.progress;
  EXPECT_EQ(progress.totals.round, 3);
  EXPECT_EQ(progress.totals.rankings, 95);
  EXPECT_EQ(progress.totals.defaults, 9);
  EXPECT_EQ(progress.totals.cache_hits, 7);
  EXPECT_EQ(progress.totals.dropped, 1);
  EXPECT_EQ(progress.totals.partial_parses, 4);
  EXPECT_EQ(progress.totals.failed_parses, 2);
  EXPECT_EQ(progress.totals.llm_calls, 88);
  EXPECT_EQ(progress.totals.prompt_tokens, 12345678901);
  EXPECT_EQ(progress.totals.reused_tokens, 2345678901);
  EXPECT_EQ(progress.totals.answer_tokens, 11);
  EXPECT_EQ(progress.cursor.stream, 24);
  EXPECT_EQ(progress.cursor.pool, 96);
  EXPECT_EQ(progress.learned_rounds, 2);
  EXPECT_EQ(progress.lost, 1);
}

TEST_F(CheckpointTest, KeepsEveryBitOfWhatWasNotLearnedFrom) {
  ASSERT_THAT(SaveCheckpoint(directory_, Sample()), IsOk());
  const auto loaded = LoadCheckpoint(directory_);
  ASSERT_THAT(loaded, IsOk());
  const Progress& progress = (*loaded)->progress;
  const Progress expected = Sample().progress;
  ASSERT_EQ(progress.pending.size(), 2u);
  const trainer::Sample& sample = progress.pending[0];
  EXPECT_EQ(sample.state, expected.pending[0].state);
  EXPECT_EQ(sample.next_state, expected.pending[0].next_state);
  EXPECT_EQ(sample.options, expected.pending[0].options);
  EXPECT_EQ(sample.probabilities, expected.pending[0].probabilities);
  EXPECT_EQ(sample.reward, 0.63092977F);
  EXPECT_EQ(sample.ease, 0.5F);
  EXPECT_EQ(sample.group, 12345678901);
  EXPECT_EQ(sample.default_reward, 0.7F);
  EXPECT_EQ(progress.pending[1].next_state.size(), 0);
  EXPECT_TRUE(std::isnan(progress.pending[1].default_reward));
  ASSERT_EQ(progress.defaults.size(), 2u);
  EXPECT_EQ(progress.defaults.at({.user = 4, .draw = 1, .ordinal = 7}), 0.1F);
  EXPECT_TRUE(
      std::isnan(progress.defaults.at({.user = 5, .draw = 0, .ordinal = 8})));
}

TEST_F(CheckpointTest, IsReplacedAsAWhole) {
  ASSERT_THAT(SaveCheckpoint(directory_, Sample()), IsOk());
  Checkpoint later = Sample();
  later.progress.totals.round = 4;
  later.learner_state = "short";
  ASSERT_THAT(SaveCheckpoint(directory_, later), IsOk());
  const auto loaded = LoadCheckpoint(directory_);
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ((*loaded)->progress.totals.round, 4);
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
