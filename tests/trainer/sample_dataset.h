// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TRAINER_SAMPLE_DATASET_H_
#define ATTUNE_TESTS_TRAINER_SAMPLE_DATASET_H_

// Data sets for tests: atomic files in a directory of their own, a made-up data
// set with two kinds of taste, MovieLens-100K if scripts/setup.sh fetched it.

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "policy/random.h"
#include "trainer/dataset.h"

namespace attune::testing {

// Writes <dir>/toy.inter and <dir>/toy.item; removes them at the end.
class AtomicFiles {
 public:
  AtomicFiles(const std::string& inter, const std::string& item) {
    std::string pattern = ::testing::TempDir() + "attune-data-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    Write(".inter", inter);
    Write(".item", item);
  }
  ~AtomicFiles() { std::filesystem::remove_all(directory_); }
  AtomicFiles(const AtomicFiles&) = delete;
  AtomicFiles& operator=(const AtomicFiles&) = delete;

  std::string path() const { return directory_ + "/toy"; }

 private:
  void Write(const std::string& suffix, const std::string& text) {
    std::ofstream(path() + suffix, std::ios::binary) << text;
  }

  std::string directory_;
};

struct TwoTastesSizes {
  int users = 60;
  int items = 40;
  int interactions = 12;
};

// Even users touch items of the lower half, odd users of the upper half; one in
// eight interactions is with the other half. Every fifth user is in validation,
// every fifth in test. A function of its arguments.
inline trainer::Dataset TwoTastes(uint64_t seed, TwoTastesSizes sizes = {}) {
  trainer::Dataset dataset;
  dataset.name = "two_tastes";
  for (int i = 0; i < sizes.items; ++i) {
    policy::Item item;
    item.id = std::to_string(1000 - i);  // not in the order of the ids
    item.title =
        absl::StrCat(i < sizes.items / 2 ? "Quiet River " : "Loud Engine ", i);
    item.genres = {i < sizes.items / 2 ? "Drama" : "Action"};
    dataset.items.push_back(std::move(item));
  }
  policy::Rng rng(seed);
  const auto half = static_cast<uint32_t>(sizes.items / 2);
  for (int u = 0; u < sizes.users; ++u) {
    trainer::User user;
    user.id = absl::StrCat("user-", u);
    user.split = u % 5 == 3   ? trainer::UserSplit::kValidation
                 : u % 5 == 4 ? trainer::UserSplit::kTest
                              : trainer::UserSplit::kTrain;
    while (static_cast<int>(user.history.size()) < sizes.interactions) {
      const bool upper = (u % 2 == 1) != (rng.Below(8) == 0);
      const int item = static_cast<int>(rng.Below(half) + (upper ? half : 0));
      const auto at =
          std::lower_bound(user.touched.begin(), user.touched.end(), item);
      if (at != user.touched.end() && *at == item) continue;
      user.touched.insert(at, item);
      const auto time = static_cast<int64_t>(user.history.size());
      user.history.push_back({item, 3.0F, 1000 + 60 * time});
    }
    user.targets = {user.history.back()};
    user.history.pop_back();
    dataset.users.push_back(std::move(user));
  }
  return dataset;
}

inline std::string MovieLensPath() {
  return std::string(ATTUNE_CACHE_DIR) + "/data/ml-100k/ml-100k";
}

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TRAINER_SAMPLE_DATASET_H_
