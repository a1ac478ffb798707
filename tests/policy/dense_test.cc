// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/dense.h"

#include <cstring>
#include <vector>

#include "gtest/gtest.h"
#include "policy/random.h"

namespace attune::policy {
namespace {

std::vector<float> Random(int64_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(n);
  for (float& value : values) value = 2.0F * rng.UnitFloat() - 1.0F;
  return values;
}

// Bytes, not numbers within a tolerance: the order of the additions is part of
// what dense.h promises. `volatile` keeps the compiler from fusing.
TEST(DenseTest, AddsProductsInRowOrder) {
  for (const int64_t cols : {8, 16, 56, 64, 72, 136}) {
    for (const int64_t n : {0, 1, 3, 64, 145}) {
      const auto x = Random(n, 1);
      const auto w = Random(n * cols, 2);
      std::vector<float> got = Random(cols, 3);
      std::vector<float> want = got;
      AddProduct(x.data(), n, w.data(), cols, got.data());
      for (int64_t j = 0; j < cols; ++j) {
        for (int64_t i = 0; i < n; ++i) {
          const volatile float product = w[i * cols + j] * x[i];
          want[j] += product;
        }
      }
      EXPECT_EQ(std::memcmp(got.data(), want.data(), cols * sizeof(float)), 0)
          << n << " x " << cols;
    }
  }
}

TEST(DenseTest, SumsDotProductsByLanesThenHalves) {
  for (const int64_t dim : {1, 7, 8, 9, 64, 100}) {
    const auto rows = Random(3 * dim, 1);
    const auto x = Random(dim, 2);
    std::vector<float> got(3);
    DotRows(rows.data(), 3, dim, x.data(), got.data());
    for (int64_t r = 0; r < 3; ++r) {
      float lane[8] = {};
      float rest = 0.0F;
      for (int64_t i = 0; i < dim; ++i) {
        const volatile float product = rows[r * dim + i] * x[i];
        (i < dim / 8 * 8 ? lane[i % 8] : rest) += product;
      }
      const float want = (((lane[0] + lane[4]) + (lane[2] + lane[6])) +
                          ((lane[1] + lane[5]) + (lane[3] + lane[7]))) +
                         rest;
      EXPECT_EQ(std::memcmp(&got[r], &want, sizeof(want)), 0) << dim;
    }
  }
}

TEST(DenseTest, AddsRowsInOrderAndLeavesOutNull) {
  for (const int64_t dim : {1, 7, 8, 64, 72, 145}) {
    const auto values = Random(3 * dim, 1);
    const auto x = Random(4, 2);
    const float* const rows[] = {&values[0], nullptr, &values[dim],
                                 &values[2 * dim]};
    std::vector<float> got = Random(dim, 3);
    std::vector<float> want = got;
    AddRows(rows, x.data(), 4, dim, got.data());
    for (int64_t j = 0; j < dim; ++j) {
      for (int64_t i = 0; i < 4; ++i) {
        if (rows[i] == nullptr) continue;
        const volatile float product = rows[i][j] * x[i];
        want[j] += product;
      }
    }
    EXPECT_EQ(std::memcmp(got.data(), want.data(), dim * sizeof(float)), 0)
        << dim;
  }
}

TEST(DenseTest, MultipliesEachRowAsARowOfAMatrix) {
  for (const int64_t dim : {1, 7, 8, 64, 100}) {
    const auto values = Random(2 * dim, 1);
    const auto x = Random(dim, 2);
    const float* const rows[] = {&values[0], nullptr, &values[dim]};
    float got[3];
    DotEach(rows, 3, dim, x.data(), got);
    float want[2];
    DotRows(values.data(), 2, dim, x.data(), want);
    EXPECT_EQ(got[0], want[0]) << dim;
    EXPECT_EQ(got[1], 0.0F) << dim;
    EXPECT_EQ(got[2], want[1]) << dim;
  }
}

}  // namespace
}  // namespace attune::policy
