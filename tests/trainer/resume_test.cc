// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The attune_trainer program, killed in mid-run and started again: it ends with
// the same bytes as one that nobody disturbed.

#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/digest.h"
#include "tests/trainer/trainer_process.h"

namespace attune::trainer {
namespace {

using ::attune::testing::ReadAll;
using ::attune::testing::TrainerProcess;
using ::testing::HasSubstr;

constexpr int kTimeoutMs = 120'000;
constexpr int kSeed = 5;

int CountLines(const std::string& path) {
  const std::string text = ReadAll(path);
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

// Sees the checkpoint being replaced in a directory.
class CheckpointWatch {
 public:
  explicit CheckpointWatch(const std::string& directory)
      : fd_(inotify_init1(IN_CLOEXEC)) {
    inotify_add_watch(fd_, directory.c_str(), IN_MOVED_TO);
  }
  ~CheckpointWatch() { close(fd_); }
  CheckpointWatch(const CheckpointWatch&) = delete;
  CheckpointWatch& operator=(const CheckpointWatch&) = delete;

  // Whether `count` checkpoints came before the time was up.
  bool Wait(int count) {
    alignas(inotify_event) char buffer[4096];
    while (count > 0) {
      pollfd ready = {.fd = fd_, .events = POLLIN, .revents = 0};
      if (poll(&ready, 1, kTimeoutMs) <= 0) return false;
      const ssize_t size = read(fd_, buffer, sizeof(buffer));
      for (ssize_t at = 0; at < size;) {
        const auto* event = reinterpret_cast<inotify_event*>(buffer + at);
        if (event->len > 0 && std::strcmp(event->name, "checkpoint") == 0) {
          --count;
        }
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
    return true;
  }

 private:
  int fd_;
};

struct Settings {
  const char* name;
  const char* learner;
  const char* heads;
  int episode_length;
  // Further flags.
  std::vector<std::string> flags = {};
};

class ResumeTest : public ::testing::TestWithParam<Settings> {
 protected:
  ResumeTest() {
    std::string pattern = ::testing::TempDir() + "attune-resume-XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~ResumeTest() override { std::filesystem::remove_all(root_); }

  std::vector<std::string> Arguments(const std::string& out,
                                     int seed = kSeed) const {
    std::vector<std::string> arguments = {
        "train",
        "--backend=sim",
        "--catalog=" ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml",
        absl::StrCat("--learner=", GetParam().learner),
        absl::StrCat("--heads=", GetParam().heads),
        absl::StrCat("--episode-length=", GetParam().episode_length),
        absl::StrCat("--budget=", 384 * GetParam().episode_length),
        "--checkpoint-every=2",
        absl::StrCat("--seed=", seed),
        absl::StrCat("--out=", out)};
    arguments.insert(arguments.end(), GetParam().flags.begin(),
                     GetParam().flags.end());
    return arguments;
  }
  std::string Log() const { return root_ + "/log"; }
  static std::string Revision(const std::string& out) {
    return out + "/revision.attune";
  }

  std::string root_;
};

TEST_P(ResumeTest, KilledAndResumedEndsWithTheSameBytes) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const std::string whole = root_ + "/whole";
  ASSERT_EQ(TrainerProcess(Arguments(whole), Log()).Wait(), 0)
      << ReadAll(Log());

  const std::string killed = root_ + "/killed";
  std::filesystem::create_directory(killed);
  std::vector<std::string> arguments = Arguments(killed);
  // Twice: right after a checkpoint, and some rounds later.
  for (const int checkpoints : {1, 2}) {
    CheckpointWatch watch(killed);
    TrainerProcess trainer(arguments, Log());
    ASSERT_TRUE(watch.Wait(checkpoints)) << ReadAll(Log());
    ASSERT_EQ(trainer.Kill(), -SIGKILL) << "ended before it was killed";
    EXPECT_FALSE(std::filesystem::exists(Revision(killed)));
    if (arguments.back() != "--resume") arguments.push_back("--resume");
  }
  ASSERT_EQ(TrainerProcess(arguments, Log()).Wait(), 0) << ReadAll(Log());

  const std::string expected = policy::Sha256Hex(ReadAll(Revision(whole)));
  const std::string actual = policy::Sha256Hex(ReadAll(Revision(killed)));
  EXPECT_EQ(actual, expected);
  std::printf("%s: sha256 %s\n", GetParam().name, actual.c_str());
  EXPECT_GT(std::filesystem::file_size(Revision(whole)), 10'000u);
  EXPECT_EQ(CountLines(killed + "/metrics.jsonl"),
            CountLines(whole + "/metrics.jsonl"));
}

INSTANTIATE_TEST_SUITE_P(
    Learners, ResumeTest,
    ::testing::Values(
        Settings{"ppo", "ppo", "autoregressive", 1},
        Settings{"a2c", "a2c", "independent", 1},
        Settings{"bandit", "bandit", "autoregressive", 1},
        Settings{"rpp_published", "rpp_published", "independent", 1},
        Settings{"ppo_two_iterations", "ppo", "autoregressive", 2},
        Settings{"a2c_choices_and_baseline",
                 "a2c",
                 "independent",
                 1,
                 {"--choices-per-task=4", "--default-baseline",
                  "--draws-per-user=1"}}),
    [](const ::testing::TestParamInfo<Settings>& info) {
      return std::string(info.param.name);
    });

using ResumeRefusalTest = ResumeTest;

TEST_P(ResumeRefusalTest, LeavesARunOfOtherSettingsAlone) {
  const std::string out = root_ + "/run";
  std::vector<std::string> arguments = Arguments(out);
  ASSERT_EQ(TrainerProcess(arguments, Log()).Wait(), 0) << ReadAll(Log());
  const std::string checkpoint = ReadAll(out + "/checkpoint");
  const std::string metrics = ReadAll(out + "/metrics.jsonl");

  // Neither over it without being told to,
  EXPECT_EQ(TrainerProcess(arguments, Log()).Wait(), 1);
  EXPECT_THAT(ReadAll(Log()), HasSubstr("--resume"));
  // nor on with it from another seed.
  arguments = Arguments(out, kSeed + 1);
  arguments.push_back("--resume");
  EXPECT_EQ(TrainerProcess(arguments, Log()).Wait(), 1);
  EXPECT_THAT(ReadAll(Log()), HasSubstr("other settings"));

  EXPECT_EQ(ReadAll(out + "/checkpoint"), checkpoint);
  EXPECT_EQ(ReadAll(out + "/metrics.jsonl"), metrics);
}

INSTANTIATE_TEST_SUITE_P(OneIsEnough, ResumeRefusalTest,
                         ::testing::Values(Settings{"a2c", "a2c", "independent",
                                                    1}));

}  // namespace
}  // namespace attune::trainer
