// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_POLICY_PACKED_STRINGS_H_
#define ATTUNE_TESTS_POLICY_PACKED_STRINGS_H_

// A string table in memory of its own, laid out as in a revision.

#include <cstdint>
#include <string>
#include <vector>

#include "policy/item_table.h"

namespace attune::testing {

class PackedStrings {
 public:
  explicit PackedStrings(const std::vector<std::string>& strings)
      : ends_{0}, size_(static_cast<int64_t>(strings.size())) {
    for (const std::string& string : strings) {
      bytes_ += string;
      ends_.push_back(bytes_.size());
    }
  }

  // Views this object.
  policy::StringTable table() const {
    return {reinterpret_cast<const char*>(ends_.data()), bytes_.data(), size_};
  }

 private:
  std::vector<uint64_t> ends_;
  std::string bytes_;
  int64_t size_;
};

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_POLICY_PACKED_STRINGS_H_
