// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TRAINER_LOG_FILES_H_
#define ATTUNE_TESTS_TRAINER_LOG_FILES_H_

// For the tests of what reads exported decision logs: the files that it reads,
// in a directory that is gone when the test is.

#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "policy/logged_decisions.h"
#include "tests/server/temp_dir.h"

namespace attune::trainer {

class LogFilesTest : public ::testing::Test {
 protected:
  std::string WriteLog(const std::vector<v1::LoggedDecision>& log) const {
    const std::string path = directory_.path() + "/log";
    std::ofstream out(path, std::ios::binary);
    policy::WriteLoggedDecisionsMagic(out);
    for (const auto& one : log) policy::WriteLoggedDecision(one, out);
    return path;
  }
  std::string WriteRevision(const std::string& bytes) const {
    return directory_.Write("parent", bytes);
  }

 private:
  const server::TempDir directory_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TESTS_TRAINER_LOG_FILES_H_
