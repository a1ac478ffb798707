// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/audit_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/server/temp_dir.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

AuditEntry Entry(int64_t sequence, const std::string& action = "set_traffic") {
  return {.time = absl::FromUnixSeconds(1764000000),
          .sequence = sequence,
          .action = action,
          .note = {.who = "ipv4:10.0.0.1:5", .reason = "try \"it\"\nout"},
          .before = {.active = "a"},
          .after = {.active = "a", .canary = "c", .canary_share = 0.25}};
}

class AuditLogTest : public ::testing::Test {
 protected:
  AuditLog Open() {
    auto log = AuditLog::Open(path());
    EXPECT_THAT(log, IsOk());
    return *std::move(log);
  }
  std::string path() const { return dir_.path() + "/audit.jsonl"; }
  std::string Bytes() const { return ReadFile(path()); }

  TempDir dir_;
};

TEST_F(AuditLogTest, SaysWhoChangedWhatWhenAndWhy) {
  AuditLog log = Open();
  ASSERT_THAT(log.Append(Entry(1)), IsOk());
  const auto line = nlohmann::json::parse(Bytes());
  EXPECT_EQ(line["time"], "2025-11-24T16:00:00.000Z");
  EXPECT_EQ(line["sequence"], 1);
  EXPECT_EQ(line["action"], "set_traffic");
  EXPECT_EQ(line["who"], "ipv4:10.0.0.1:5");
  EXPECT_EQ(line["reason"], "try \"it\"\nout");
  EXPECT_EQ(line["before"], nlohmann::json({{"active", "a"}}));
  EXPECT_EQ(line["after"]["canary_share"], 0.25);
  struct stat info;
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(AuditLogTest, GoesOnWithTheChainAfterARestart) {
  for (int i = 1; i <= 3; ++i) {
    AuditLog log = Open();
    EXPECT_EQ(log.announced(), i - 1);
    ASSERT_THAT(log.Append(Entry(i)), IsOk());
    EXPECT_EQ(log.announced(), i);
  }
  EXPECT_THAT(VerifyAuditLog(Bytes()), IsOk());
}

TEST_F(AuditLogTest, ShowsALineThatWasChangedOrTakenOut) {
  AuditLog log = Open();
  for (int i = 1; i <= 3; ++i) ASSERT_THAT(log.Append(Entry(i)), IsOk());
  std::string changed = Bytes();
  changed[changed.find("10.0.0.1")] = '2';
  EXPECT_THAT(VerifyAuditLog(changed),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("entry 2")));
  std::string shorter = Bytes();
  const size_t first = shorter.find('\n') + 1;
  shorter.erase(first, shorter.find('\n', first) + 1 - first);
  EXPECT_THAT(VerifyAuditLog(shorter), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(AuditLogTest, PassesOverALineThatACrashCutShort) {
  ASSERT_THAT(Open().Append(Entry(1)), IsOk());
  const std::string whole = Bytes();
  for (const size_t cut : {size_t{1}, whole.size() / 2, whole.size() - 1}) {
    dir_.Write("audit.jsonl", whole + whole.substr(0, cut));
    // Without its line break, a whole line is a whole line.
    ASSERT_THAT(Open().Append(Entry(2)), IsOk());
    AuditLog log = Open();
    EXPECT_EQ(log.announced(), 2);
    const std::string bytes = Bytes();
    EXPECT_EQ(bytes.substr(0, whole.size()), whole);
    EXPECT_EQ(VerifyAuditLog(bytes).ok(), cut < whole.size() - 1);
  }
}

TEST_F(AuditLogTest, RemembersWhatDidNotTakeEffect) {
  AuditLog log = Open();
  ASSERT_THAT(log.Append(Entry(5)), IsOk());
  ASSERT_THAT(log.Append(Entry(5, "not_applied")), IsOk());
  EXPECT_EQ(log.announced(), 4);
  EXPECT_EQ(Open().announced(), 4);
}

TEST_F(AuditLogTest, SaysThatItCannotWrite) {
  AuditLog log = Open();
  std::filesystem::create_directories(path() + "/x");
  EXPECT_FALSE(log.Append(Entry(1)).ok());
  EXPECT_EQ(log.announced(), 0);
}

}  // namespace
}  // namespace attune::server
