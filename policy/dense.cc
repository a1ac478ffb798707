// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Compiled with -ffp-contract=off (policy/CMakeLists.txt): see dense.h.

#include "policy/dense.h"

#include <cstring>

namespace attune::policy {
namespace {

// Eight floats; the compiler splits them where the machine's vectors are
// shorter.
typedef float V8 __attribute__((vector_size(32)));

// The bodies are macros, because a vector operation takes the width of the
// function it is written in, not of the one it is inlined into.

// Adds x[i] times `row`, an expression of i, unless that is null; `kV` vectors of
// columns at `j`, held in registers.
#define ATTUNE_ADD_BLOCK(kV, row)                                          \
  {                                                                        \
    V8 sum[kV];                                                            \
    std::memcpy(sum, out + j, sizeof(sum));                                \
    for (int64_t i = 0; i < n; ++i) {                                      \
      const float* const from = (row);                                     \
      if (from == nullptr) continue;                                       \
      for (int v = 0; v < kV; ++v) {                                       \
        V8 weights;                                                        \
        std::memcpy(&weights, from + j + v * kDenseStep, sizeof(weights)); \
        sum[v] += weights * x[i];                                          \
      }                                                                    \
    }                                                                      \
    std::memcpy(out + j, sum, sizeof(sum));                                \
    j += kV * kDenseStep;                                                  \
  }

#define ATTUNE_ADD_PRODUCT                                             \
  int64_t j = 0;                                                       \
  while (j + 8 * kDenseStep <= cols) ATTUNE_ADD_BLOCK(8, w + i * cols) \
  while (j < cols) ATTUNE_ADD_BLOCK(1, w + i * cols)

#define ATTUNE_ADD_ROWS                                          \
  int64_t j = 0;                                                 \
  while (j + 8 * kDenseStep <= dim) ATTUNE_ADD_BLOCK(8, rows[i]) \
  while (j + kDenseStep <= dim) ATTUNE_ADD_BLOCK(1, rows[i])     \
  for (; j < dim; ++j) {                                         \
    for (int64_t i = 0; i < n; ++i) {                            \
      if (rows[i] != nullptr) out[j] += rows[i][j] * x[i];       \
    }                                                            \
  }

// Lane l sums the products l, l + 8, ...; then the lanes by halves. Sets
// `dot`, declared before.
#define ATTUNE_DOT(row)                               \
  {                                                   \
    V8 sum = {};                                      \
    int64_t i = 0;                                    \
    for (; i + kDenseStep <= dim; i += kDenseStep) {  \
      V8 a;                                           \
      V8 b;                                           \
      std::memcpy(&a, (row) + i, sizeof(a));          \
      std::memcpy(&b, x + i, sizeof(b));              \
      sum += a * b;                                   \
    }                                                 \
    float rest = 0.0F;                                \
    for (; i < dim; ++i) rest += (row)[i] * x[i];     \
    dot = (((sum[0] + sum[4]) + (sum[2] + sum[6])) +  \
           ((sum[1] + sum[5]) + (sum[3] + sum[7]))) + \
          rest;                                       \
  }

#define ATTUNE_DOT_ROWS                          \
  for (int64_t r = 0; r < n; ++r, rows += dim) { \
    float dot;                                   \
    ATTUNE_DOT(rows)                             \
    out[r] = dot;                                \
  }

#define ATTUNE_DOT_EACH                         \
  for (int64_t r = 0; r < n; ++r) {             \
    float dot = 0.0F;                           \
    if (rows[r] != nullptr) ATTUNE_DOT(rows[r]) \
    out[r] = dot;                               \
  }

void AddProductPlain(const float* x, int64_t n, const float* w, int64_t cols,
                     float* out) {
  ATTUNE_ADD_PRODUCT
}

void AddRowsPlain(const float* const* rows, const float* x, int64_t n,
                  int64_t dim, float* out) {
  ATTUNE_ADD_ROWS
}

void DotEachPlain(const float* const* rows, int64_t n, int64_t dim,
                  const float* x, float* out) {
  ATTUNE_DOT_EACH
}

void DotRowsPlain(const float* rows, int64_t n, int64_t dim, const float* x,
                  float* out) {
  ATTUNE_DOT_ROWS
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void AddProductAvx2(const float* x, int64_t n,
                                                    const float* w,
                                                    int64_t cols, float* out) {
  ATTUNE_ADD_PRODUCT
}

__attribute__((target("avx2"))) void DotRowsAvx2(const float* rows, int64_t n,
                                                 int64_t dim, const float* x,
                                                 float* out) {
  ATTUNE_DOT_ROWS
}

__attribute__((target("avx2"))) void AddRowsAvx2(const float* const* rows,
                                                 const float* x, int64_t n,
                                                 int64_t dim, float* out) {
  ATTUNE_ADD_ROWS
}

__attribute__((target("avx2"))) void DotEachAvx2(const float* const* rows,
                                                 int64_t n, int64_t dim,
                                                 const float* x, float* out) {
  ATTUNE_DOT_EACH
}

const bool kHasAvx2 = __builtin_cpu_supports("avx2");
#endif

}  // namespace

void AddProduct(const float* x, int64_t n, const float* w, int64_t cols,
                float* out) {
#if defined(__x86_64__)
  if (kHasAvx2) return AddProductAvx2(x, n, w, cols, out);
#endif
  AddProductPlain(x, n, w, cols, out);
}

void AddRows(const float* const* rows, const float* x, int64_t n, int64_t dim,
             float* out) {
#if defined(__x86_64__)
  if (kHasAvx2) return AddRowsAvx2(rows, x, n, dim, out);
#endif
  AddRowsPlain(rows, x, n, dim, out);
}

void DotEach(const float* const* rows, int64_t n, int64_t dim, const float* x,
             float* out) {
#if defined(__x86_64__)
  if (kHasAvx2) return DotEachAvx2(rows, n, dim, x, out);
#endif
  DotEachPlain(rows, n, dim, x, out);
}

void DotRows(const float* rows, int64_t n, int64_t dim, const float* x,
             float* out) {
#if defined(__x86_64__)
  if (kHasAvx2) return DotRowsAvx2(rows, n, dim, x, out);
#endif
  DotRowsPlain(rows, n, dim, x, out);
}

}  // namespace attune::policy
