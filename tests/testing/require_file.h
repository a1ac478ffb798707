// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TESTING_REQUIRE_FILE_H_
#define ATTUNE_TESTS_TESTING_REQUIRE_FILE_H_

// For tests that need what scripts/setup.sh fetches.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace attune::testing {

// True where a skipped test would hide a defect: scripts/test.sh sets it.
inline bool IntegrationIsRequired() {
  const char* value = std::getenv("ATTUNE_REQUIRE_INTEGRATION");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace attune::testing

// Ends the test, or the SetUp() it stands in, if there is no such file: skipped,
// or failed with ATTUNE_REQUIRE_INTEGRATION=1.
#define ATTUNE_REQUIRE_FILE(path)                                              \
  do {                                                                         \
    const std::string attune_file = (path);                                    \
    if (std::filesystem::exists(attune_file)) break;                           \
    if (::attune::testing::IntegrationIsRequired()) {                          \
      FAIL() << attune_file << " is missing";                                  \
    }                                                                          \
    GTEST_SKIP() << attune_file << " is missing; scripts/setup.sh fetches it"; \
  } while (false)

#endif  // ATTUNE_TESTS_TESTING_REQUIRE_FILE_H_
