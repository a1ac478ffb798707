// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What an erasure does to the file beside deleting rows: its locks, and how its
// bytes are searched. That nothing of a user is left: log_store_test.cc.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "server/log_store.h"
#include "tests/server/log_builders.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;

// Whether another process would find SQLite's shared lock: the bytes are those
// of SQLite's file format. To be asked by a process of its own, because a
// process does not see its own locks.
bool IsLocked(const std::string& path) {
  const pid_t child = ::fork();
  if (child == 0) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 0x40000002;
    lock.l_len = 510;
    const int fd = ::open(path.c_str(), O_RDWR);
    const bool asked = fd >= 0 && ::fcntl(fd, F_GETLK, &lock) == 0;
    ::_exit(!asked ? 2 : lock.l_type == F_UNLCK ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 2);
  return WEXITSTATUS(status) == 1;
}

bool Contain(Database& database, const std::string& bytes) {
  const auto found = database.FilesContain(bytes);
  EXPECT_THAT(found.status(), IsOk());
  return found.ok() && *found;
}

// Without it a process that comes and goes takes itself for the last one and
// deletes the write-ahead log, into which this one goes on committing.
TEST(LogErasureTest, AnErasureLeavesTheLockOnTheFile) {
  const TempDir dir;
  const LogStore::Options options = {.path = dir.path() + "/decisions.db"};
  auto store = LogStore::Open(options);
  ASSERT_THAT(store.status(), IsOk());
  ASSERT_THAT((*store)->Begin(), IsOk());
  ASSERT_THAT((*store)->AddDecision(MakeDecision(1, UserOf('g'))), IsOk());
  ASSERT_THAT((*store)->Commit(), IsOk());
  ASSERT_TRUE(IsLocked(options.path));
  ASSERT_THAT((*store)->Erase(UserOf('g'), kLogNow), IsOk());
  EXPECT_TRUE(IsLocked(options.path));
  ASSERT_THAT((*store)->Erase(UserOf('g'), kLogNow), IsOk());
  EXPECT_TRUE(IsLocked(options.path));
}

TEST(LogErasureTest, FindsBytesWhereverTheyAre) {
  const TempDir dir;
  const std::string path = dir.path() + "/some.db";
  constexpr int kPiece = 1 << 20;
  const std::string needle(16, 'n');
  for (const int at : {0, kPiece - 16, kPiece - 15, kPiece - 1, kPiece,
                       2 * kPiece - 8, 3 * kPiece - 16}) {
    std::string bytes(3 * kPiece, '.');
    bytes.replace(at, needle.size(), needle);
    dir.Write("some.db", bytes);
    auto database = Database::Open(path, Database::Mode::kReadOnly, nullptr);
    ASSERT_THAT(database.status(), IsOk());
    EXPECT_TRUE(Contain(**database, needle)) << at;
    EXPECT_FALSE(Contain(**database, needle + "n")) << at;
  }
}

TEST(LogErasureTest, FindsBytesInTheWriteAheadLog) {
  const TempDir dir;
  auto database =
      Database::Open(dir.path() + "/some.db", Database::Mode::kCreate, nullptr);
  ASSERT_THAT(database.status(), IsOk());
  ASSERT_THAT(
      (*database)->Execute("PRAGMA journal_mode=WAL; CREATE TABLE t(x);"),
      IsOk());
  ASSERT_THAT((*database)->Checkpoint(), IsOk());
  ASSERT_THAT((*database)->Execute("INSERT INTO t VALUES('the needle')"),
              IsOk());
  EXPECT_TRUE(Contain(**database, "the needle"));
  EXPECT_FALSE(Contain(**database, "a needle"));
}

}  // namespace
}  // namespace attune::server
