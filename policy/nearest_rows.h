// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_NEAREST_ROWS_H_
#define ATTUNE_POLICY_NEAREST_ROWS_H_

// Finds the rows of a matrix whose dot product with a vector is largest, and
// reads few of them: a copy in bytes, a quarter of the size, gives each product
// an upper bound, and only a row whose bound beats the best so far is
// multiplied exactly. What is found does not depend on the bounds.
//
// Thread-compatible: const methods may run concurrently.

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"

namespace attune::policy {

class NearestRows {
 public:
  // `rows` [n, dim] must outlive this object; any values. Takes time in
  // proportion to them and a byte for each. REQUIRES: 0 < dim <= 65536.
  NearestRows(const float* rows, int64_t n, int64_t dim);

  // Rows with the largest products (DotRows) with `x` [dim], largest first,
  // ties by row; at most `count`, none of those that `excluded` says.
  std::vector<int64_t> Search(const float* x, int64_t count,
                              absl::FunctionRef<bool(int64_t)> excluded) const;

 private:
  const float* rows_;
  int64_t n_;
  int64_t dim_;
  // Columns in pairs, so that a pair of one row is one product of the machine's.
  int64_t pairs_;
  // Blocks of kBlock rows: of each pair of columns kBlock times two bytes. Rows
  // that fill up the last block are zero.
  std::vector<int8_t> bytes_;
  // Of each row: its product with x is at most
  // scale * (bytes . x) + slack * |x|.
  std::vector<float> scales_;
  std::vector<float> slacks_;
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_NEAREST_ROWS_H_
