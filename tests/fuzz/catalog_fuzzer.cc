// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// A catalog's YAML. What is taken is within the limits of catalog.h and is the
// same when it is read again.

#include "policy/catalog.h"
#include "tests/fuzz/fuzz.h"

using attune::fuzz::Require;
using attune::policy::Catalog;
using attune::policy::Pattern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto catalog = Catalog::Parse(attune::fuzz::View(data, size));
  if (!catalog.ok()) {
    Require(catalog.status().code() == absl::StatusCode::kInvalidArgument,
            "a bad catalog is an invalid argument");
    return 0;
  }
  for (const Pattern& pattern : (*catalog)->patterns) {
    Require(!pattern.options.empty() && pattern.options.size() <= 64,
            "1 to 64 options");
    Require(
        pattern.default_option >= 0 &&
            pattern.default_option < static_cast<int>(pattern.options.size()),
        "the default is an option");
  }
  const auto again = Catalog::Parse((*catalog)->yaml);
  Require(again.ok() && (*again)->digest == (*catalog)->digest,
          "the same catalog again");
  return 0;
}
