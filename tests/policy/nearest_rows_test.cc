// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/nearest_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/dense.h"
#include "policy/random.h"
#include "tests/testing/environment.h"

namespace attune::policy {
namespace {

using ::testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNoNumber = std::numeric_limits<float>::quiet_NaN();

// The plain search: every product, every row in turn.
std::vector<int64_t> SearchAll(const std::vector<float>& rows, int64_t dim,
                               const std::vector<float>& x, size_t count,
                               const std::set<int64_t>& excluded) {
  const int64_t n = static_cast<int64_t>(rows.size()) / dim;
  std::vector<float> scores(n);
  DotRows(rows.data(), n, dim, x.data(), scores.data());
  std::vector<int64_t> best;
  for (int64_t row = 0; row < n; ++row) {
    if (excluded.count(row) > 0) continue;
    if (best.size() == count) {
      if (count == 0 || !(scores[row] > scores[best.back()])) continue;
      best.pop_back();
    }
    const auto at = std::find_if(best.begin(), best.end(), [&](int64_t other) {
      return scores[row] > scores[other];
    });
    best.insert(at, row);
  }
  return best;
}

// Rows as the tests want them: of one size or of many, whole numbers (ties) or
// not, some of them zero, repeated, huge, tiny or no numbers.
struct World {
  explicit World(uint64_t seed) : rng(seed) {
    dim = 1 + rng.Below(rng.Below(4) == 0 ? 300 : 70);
    n = rng.Below(400);
    ties = rng.Below(3) == 0;
    const bool wild = rng.Below(3) == 0;
    for (int64_t r = 0; r < n; ++r) {
      const float scale = Scale(wild);
      for (int64_t i = 0; i < dim; ++i) rows.push_back(Value(scale));
      if (r > 0 && rng.Below(10) == 0) {
        std::copy_n(rows.end() - 2 * dim, dim, rows.end() - dim);
      }
    }
    const float scale = Scale(wild);
    for (int64_t i = 0; i < dim; ++i) x.push_back(Value(scale));
    if (wild) Spoil(rows);
    if (wild && rng.Below(3) == 0) Spoil(x);
    for (uint32_t i = rng.Below(40); i-- > 0 && n > 0;) {
      excluded.insert(rng.Below(static_cast<uint32_t>(n)));
    }
  }
  float Scale(bool wild) {
    if (rng.Below(20) == 0) return 0.0F;
    if (!wild) return ties ? 2.0F : 0.5F + rng.UnitFloat();
    return std::pow(10.0F, 60.0F * rng.UnitFloat() - 30.0F);
  }
  float Value(float scale) {
    const float value = scale * (2.0F * rng.UnitFloat() - 1.0F);
    return ties ? std::nearbyint(value) : value;
  }
  void Spoil(std::vector<float>& values) {
    static constexpr float kWild[] = {kInfinity, -kInfinity, kNoNumber, 3e38F,
                                      1e-42F};
    for (uint32_t i = rng.Below(4); i-- > 0 && !values.empty();) {
      values[rng.Below(static_cast<uint32_t>(values.size()))] =
          kWild[rng.Below(5)];
    }
  }

  Rng rng;
  int64_t dim;
  int64_t n;
  bool ties;
  std::vector<float> rows;
  std::vector<float> x;
  std::set<int64_t> excluded;
};

TEST(NearestRowsTest, FindsWhatThePlainSearchFinds) {
  const int64_t worlds = testing::FromEnvironment("ATTUNE_NEAREST_WORLDS", 500);
  for (int64_t seed = 0; seed < worlds; ++seed) {
    World world(seed);
    const NearestRows nearest(world.rows.data(), world.n, world.dim);
    for (const size_t count : {0, 1, 3, 17, 500}) {
      ASSERT_EQ(
          nearest.Search(
              world.x.data(), static_cast<int64_t>(count),
              [&](int64_t row) { return world.excluded.count(row) > 0; }),
          SearchAll(world.rows, world.dim, world.x, count, world.excluded))
          << "seed " << seed << ", " << count << " of " << world.n << " x "
          << world.dim;
    }
  }
}

// The worst for a bound: all that tells the last row from the others is what
// the bytes leave out, and x points that way.
TEST(NearestRowsTest, SeesWhatTheBytesLeaveOut) {
  constexpr int64_t kRows = 20;
  constexpr int64_t kDim = 64;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Rng rng(seed);
    std::vector<float> rows(kRows * kDim);
    std::vector<float> x(kDim);
    const float share = rng.UnitFloat();
    for (int64_t i = 0; i < kDim; ++i) {
      const float whole = i == 0 ? 127.0F : static_cast<float>(rng.Below(100));
      x[i] = i == 0 ? 0.0F : 0.9F * (rng.UnitFloat() - 0.5F);
      for (int64_t row = 0; row < kRows; ++row) {
        rows[row * kDim + i] = whole + (row == kRows - 1 ? 1.0F : share) * x[i];
      }
    }
    const NearestRows nearest(rows.data(), kRows, kDim);
    EXPECT_THAT(nearest.Search(x.data(), 1, [](int64_t) { return false; }),
                ElementsAre(kRows - 1))
        << "seed " << seed;
  }
}

TEST(NearestRowsTest, MultipliesOnlyRowsThatCanGetIn) {
  Rng rng(1);
  constexpr int64_t kRows = 4000;
  constexpr int64_t kDim = 64;
  std::vector<float> rows(kRows * kDim);
  for (float& value : rows) value = 2.0F * rng.UnitFloat() - 1.0F;
  const NearestRows nearest(rows.data(), kRows, kDim);
  // Asked only about a row whose exact product is above the best so far.
  int asked = 0;
  nearest.Search(rows.data(), 3, [&](int64_t) {
    ++asked;
    return false;
  });
  EXPECT_LT(asked, 100);
}

}  // namespace
}  // namespace attune::policy
