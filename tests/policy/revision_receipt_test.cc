// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/revision.h"
#include "tests/policy/revision_tampering.h"
#include "tests/testing/policy_builders.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

namespace fs = std::filesystem;

using ::attune::testing::IsOk;
using ::attune::testing::SampleCandidates;
using ::attune::testing::SampleHistory;
using ::attune::testing::SmallArtifact;
using ::attune::testing::StatusIs;

class RevisionReceiptTest : public ::testing::Test {
 protected:
  RevisionReceiptTest() {
    std::string name = (fs::temp_directory_path() / "attune-XXXXXX").string();
    dir_ = ::mkdtemp(name.data());
    Write(path(), SmallArtifact());
    verified_ = Revision::LoadFile(path()).value();
    receipt_ = verified_->MakeReceipt().value();
    Write(receipt_path(), receipt_);
  }
  ~RevisionReceiptTest() override { fs::remove_all(dir_); }

  static void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  std::string path() const { return dir_ + "/revision"; }
  std::string receipt_path() const { return dir_ + "/receipt"; }
  auto Load() const {
    return Revision::LoadWithReceipt(path(), receipt_path());
  }

  std::string dir_;
  std::shared_ptr<const Revision> verified_;
  std::string receipt_;
};

TEST_F(RevisionReceiptTest, GivesTheSameRevision) {
  const auto known = Load();
  ASSERT_THAT(known, IsOk());
  EXPECT_EQ((*known)->id(), verified_->id());
  EXPECT_EQ((*known)->digest(), verified_->digest());
  const auto history = SampleHistory(8);
  const auto candidates = SampleCandidates(10);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Request request = {
        .history = history, .candidates = candidates, .seed = seed};
    EXPECT_EQ((*known)->policy().Decide(request)->prompt.CanonicalBytes(),
              verified_->policy().Decide(request)->prompt.CanonicalBytes());
  }
}

TEST_F(RevisionReceiptTest, DoesNotHoldForAFileThatWasWrittenTo) {
  const auto time = fs::last_write_time(path());
  fs::last_write_time(path(), time + std::chrono::milliseconds(1));
  EXPECT_THAT(Load(),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::_));
  Write(path(), SmallArtifact() + "x");
  fs::last_write_time(path(), time);
  EXPECT_THAT(Load(),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::_));
}

// Whoever sets the time back changes the table's values at most: the manifest
// and the heads are read again.
TEST_F(RevisionReceiptTest, DoesNotCoverForTheManifest) {
  const auto time = fs::last_write_time(path());
  std::string artifact = SmallArtifact();
  artifact[100] ^= 1;
  Write(path(), artifact);
  fs::last_write_time(path(), time);
  EXPECT_FALSE(Load().ok());
}

TEST_F(RevisionReceiptTest, IsRefusedIfDamaged) {
  // Everything before the slots.
  for (size_t i = 0; i < 136; ++i) {
    std::string damaged = receipt_;
    damaged[i] ^= 1;
    Write(receipt_path(), damaged);
    EXPECT_FALSE(Load().ok()) << i;
  }
  for (const size_t size : {size_t{0}, size_t{50}, receipt_.size() - 1}) {
    Write(receipt_path(), receipt_.substr(0, size));
    EXPECT_FALSE(Load().ok()) << size;
  }
}

// Slots are not read at start-up, so their damage is found by whoever uses
// them: an item is not found, or found where it is.
TEST_F(RevisionReceiptTest, DamagedSlotsNeverNameAnotherItem) {
  for (const char byte : {'\0', '\x01', '\xFF'}) {
    std::string damaged = receipt_;
    for (size_t i = 192; i < damaged.size(); ++i) damaged[i] = byte;
    Write(receipt_path(), damaged);
    const auto known = Load();
    if (!known.ok()) continue;  // the golden vectors noticed
    const ItemTable& items = (*known)->policy().encoder().items();
    for (int64_t row = 0; row < items.size(); ++row) {
      const int64_t found = items.Find(items.id(row));
      EXPECT_TRUE(found == row || found == -1);
    }
  }
}

TEST_F(RevisionReceiptTest, IsNotThere) {
  fs::remove(receipt_path());
  EXPECT_FALSE(Load().ok());
}

}  // namespace
}  // namespace attune::policy
