// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "policy/digest.h"
#include "server/error_reason.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;

const std::string kBytes = "0123456789";
const std::string kDigest = policy::Sha256Hex(kBytes);

TEST(UploadTest, KeepsPiecesAndChecksTheDigest) {
  const TempDir dir;
  UploadArea area(dir.path(), 100);
  auto upload = area.Begin(kDigest, 10, 0);
  ASSERT_THAT(upload, IsOk());
  EXPECT_THAT((*upload)->Append("01234"), IsOk());
  EXPECT_EQ(area.OffsetOf(kDigest).value(), 5);
  EXPECT_THAT((*upload)->Append("56789"), IsOk());
  EXPECT_THAT((*upload)->Finish(), IsOk());
  EXPECT_EQ(ReadFile((*upload)->path()), kBytes);
}

TEST(UploadTest, GoesOnWhereADroppedUploadEnded) {
  const TempDir dir;
  UploadArea area(dir.path(), 100);
  ASSERT_THAT((*area.Begin(kDigest, 10, 0))->Append("0123"), IsOk());
  EXPECT_THAT(area.Begin(kDigest, 10, 0),
              StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(area.Begin(kDigest, 10, 5),
              StatusIs(absl::StatusCode::kOutOfRange));
  auto again = area.Begin(kDigest, 10, area.OffsetOf(kDigest).value());
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT((*again)->Append("456789"), IsOk());
  EXPECT_THAT((*again)->Finish(), IsOk());
}

TEST(UploadTest, KeepsTheNewestOfThePartsThatNobodyWrites) {
  const TempDir dir;
  UploadArea area(dir.path(), 100);
  const auto digest = [](int i) {
    return policy::Sha256Hex(std::to_string(i));
  };
  auto written = area.Begin(digest(0), 10, 0);
  ASSERT_THAT(written, IsOk());
  ASSERT_THAT((*written)->Append("0"), IsOk());
  constexpr int kIdle = static_cast<int>(UploadArea::kMaxIdleParts) + 2;
  const auto now = std::filesystem::file_time_type::clock::now();
  for (int i = 1; i <= kIdle; ++i) {
    auto dropped = area.Begin(digest(i), 10, 0);
    ASSERT_THAT(dropped, IsOk());
    ASSERT_THAT((*dropped)->Append("1"), IsOk());
    std::filesystem::last_write_time((*dropped)->path(),
                                     now + std::chrono::seconds(i));
  }
  ASSERT_THAT(area.Begin(digest(99), 10, 0), IsOk());
  EXPECT_EQ(area.OffsetOf(digest(0)).value(), 1);  // is being written
  EXPECT_EQ(area.OffsetOf(digest(1)).value(), 0);
  EXPECT_EQ(area.OffsetOf(digest(2)).value(), 0);
  for (int i = 3; i <= kIdle; ++i) {
    EXPECT_EQ(area.OffsetOf(digest(i)).value(), 1) << i;
  }
}

TEST(UploadTest, KeepsATruncatedPart) {
  const TempDir dir;
  UploadArea area(dir.path(), 100);
  auto upload = area.Begin(kDigest, 10, 0);
  ASSERT_THAT((*upload)->Append("012"), IsOk());
  const absl::Status status = (*upload)->Finish();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(ReasonOf(status), "REVISION_TRUNCATED");
  EXPECT_EQ(area.OffsetOf(kDigest).value(), 3);
}

TEST(UploadTest, DropsAPartWithAnotherDigest) {
  const TempDir dir;
  UploadArea area(dir.path(), 100);
  auto upload = area.Begin(kDigest, 10, 0);
  ASSERT_THAT((*upload)->Append("012345678X"), IsOk());
  const absl::Status status = (*upload)->Finish();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(ReasonOf(status), "DIGEST_MISMATCH");
  EXPECT_EQ(area.OffsetOf(kDigest).value(), 0);
}

TEST(UploadTest, RefusesMoreBytesThanAnnounced) {
  const TempDir dir;
  UploadArea area(dir.path(), 100);
  auto upload = area.Begin(kDigest, 10, 0);
  ASSERT_THAT((*upload)->Append("01234"), IsOk());
  EXPECT_THAT((*upload)->Append("56789A"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  upload->reset();
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(UploadTest, LeavesNothingIfNothingArrived) {
  const TempDir dir;
  UploadArea area(dir.path(), 100);
  ASSERT_THAT(area.Begin(kDigest, 10, 0), IsOk());
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(UploadTest, AllowsOneUploadPerDigestAtATime) {
  const TempDir dir;
  UploadArea area(dir.path(), 100);
  auto first = area.Begin(kDigest, 10, 0);
  EXPECT_THAT(area.Begin(kDigest, 10, 0), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(area.Begin(policy::Sha256Hex("other"), 10, 0), IsOk());
  first->reset();
  EXPECT_THAT(area.Begin(kDigest, 10, 0), IsOk());
}

TEST(UploadTest, RefusesBadHeaders) {
  const TempDir dir;
  UploadArea area(dir.path(), 100);
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(area.Begin("../../etc/passwd", 10, 0), StatusIs(invalid));
  EXPECT_THAT(area.Begin(std::string(64, 'A'), 10, 0), StatusIs(invalid));
  EXPECT_THAT(area.Begin(kDigest, 0, 0), StatusIs(invalid));
  EXPECT_THAT(area.Begin(kDigest, 10, -1), StatusIs(invalid));
  EXPECT_THAT(area.Begin(kDigest, 10, 11), StatusIs(invalid));
  EXPECT_THAT(area.Begin(kDigest, 101, 0),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(area.OffsetOf("x"), StatusIs(invalid));
}

}  // namespace
}  // namespace attune::server
