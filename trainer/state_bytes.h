// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_STATE_BYTES_H_
#define ATTUNE_TRAINER_STATE_BYTES_H_

// Numbers as bytes and back, for a learner's checkpoint: lists of one trivially
// copyable type, each behind its length. Little-endian, as all we run on.
//
// Not thread-safe.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"

namespace attune::trainer {

class StateWriter {
 public:
  template <typename T>
  void Put(const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    const uint64_t bytes = values.size() * sizeof(T);
    bytes_.append(reinterpret_cast<const char*>(&bytes), sizeof(bytes));
    bytes_.append(reinterpret_cast<const char*>(values.data()), bytes);
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}

  // kDataLoss if the next list is cut off or not of this type.
  template <typename T>
  absl::Status Get(std::vector<T>& values) {
    uint64_t bytes = 0;
    if (rest_.size() < sizeof(bytes)) return Damaged();
    std::memcpy(&bytes, rest_.data(), sizeof(bytes));
    rest_.remove_prefix(sizeof(bytes));
    if (bytes > rest_.size() || bytes % sizeof(T) != 0) return Damaged();
    values.resize(bytes / sizeof(T));
    if (bytes > 0) std::memcpy(values.data(), rest_.data(), bytes);
    rest_.remove_prefix(bytes);
    return absl::OkStatus();
  }
  bool AtEnd() const { return rest_.empty(); }

  static absl::Status Damaged() {
    return absl::DataLossError("learner state: damaged, or of another learner");
  }

 private:
  std::string_view rest_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_STATE_BYTES_H_
