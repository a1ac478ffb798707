// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CONFIDENCE_SEQUENCE_H_
#define ATTUNE_SERVER_CONFIDENCE_SEQUENCE_H_

// Bounds on the mean of a stream of numbers in [0, 1] that may be looked at after
// every number: with probability 1 - alpha, Lower() is never above the mean, and
// with the same probability Upper() is never below it.
//
// Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables
// by betting", JRSS-B 86(1), 2024, arXiv 2010.09686, theorem 2 (the
// predictable plug-in empirical Bernstein confidence sequence) with c = 1/2, one
// side at a time. The numbers need not be independent: it is enough that each has
// the same mean given those before it.
//
// Constant memory. Thread-compatible: const methods may run concurrently.

#include <cstdint>

namespace attune::server {

class ConfidenceSequence {
 public:
  // REQUIRES: 0 < alpha < 1.
  explicit ConfidenceSequence(double alpha);

  // Numbers outside of [0, 1] count as the nearer end; NaN as 1.
  void Add(double x);

  int64_t count() const { return count_; }
  // 0 if nothing was added.
  double mean() const;
  // In [0, 1].
  double Lower() const;
  double Upper() const;

 private:
  double Margin() const;

  // log(1 / alpha)
  double log_inverse_alpha_;
  int64_t count_ = 0;
  double sum_ = 0.0;
  // Of (x_i - mean_i)^2.
  double squares_ = 0.0;
  // Of lambda_i, lambda_i x_i and v_i psi(lambda_i).
  double weights_ = 0.0;
  double weighted_ = 0.0;
  double variation_ = 0.0;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CONFIDENCE_SEQUENCE_H_
