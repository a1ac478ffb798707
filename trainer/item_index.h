// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ITEM_INDEX_H_
#define ATTUNE_TRAINER_ITEM_INDEX_H_

// From the ids that requests name to the places in Dataset::items.

#include <string>

#include "absl/container/flat_hash_map.h"
#include "trainer/dataset.h"

namespace attune::trainer {

// Thread-compatible: const methods may run concurrently.
class ItemIndex {
 public:
  explicit ItemIndex(const Dataset& dataset) {
    for (size_t i = 0; i < dataset.items.size(); ++i) {
      index_.emplace(dataset.items[i].id, static_cast<int>(i));
    }
  }
  // -1 for an unknown id.
  int Find(const std::string& id) const {
    const auto it = index_.find(id);
    return it == index_.end() ? -1 : it->second;
  }

 private:
  absl::flat_hash_map<std::string, int> index_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ITEM_INDEX_H_
