// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_DENSE_H_
#define ATTUNE_POLICY_DENSE_H_

// The two products that a decision spends its time in.
//
// They use the widest vectors that the machine has and still give the same
// bytes on every machine: each sum is made in an order that does not depend on
// the width, and a multiplication is never fused with the addition after it.
// A decision is a function of its seed, whoever computes it.
//
// Pure functions; safe to call from any thread.

#include <cstdint>

namespace attune::policy {

// Columns come in multiples of this many.
inline constexpr int64_t kDenseStep = 8;

constexpr int64_t RoundUpToDenseStep(int64_t n) {
  return (n + kDenseStep - 1) / kDenseStep * kDenseStep;
}

// out[j] += sum over i of x[i] * w[i * cols + j]. REQUIRES: cols is a multiple
// of kDenseStep; nothing overlaps.
void AddProduct(const float* x, int64_t n, const float* w, int64_t cols,
                float* out);

// out[j] += sum over i of x[i] * rows[i][j], j below dim; rows that are null are
// left out. REQUIRES: nothing overlaps.
void AddRows(const float* const* rows, const float* x, int64_t n, int64_t dim,
             float* out);

// out[i] = dot product of rows[i] [dim] with x [dim]; 0 for rows that are null.
void DotEach(const float* const* rows, int64_t n, int64_t dim, const float* x,
             float* out);

// out[r] = dot product of row r of `rows` [n, dim] with x [dim].
void DotRows(const float* rows, int64_t n, int64_t dim, const float* x,
             float* out);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_DENSE_H_
