// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TESTING_ENVIRONMENT_H_
#define ATTUNE_TESTS_TESTING_ENVIRONMENT_H_

// How much a test does, where the environment may say another number.

#include <cstdlib>

namespace attune::testing {

// The number that the environment variable holds; `otherwise` if it is not set.
inline int FromEnvironment(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TESTING_ENVIRONMENT_H_
