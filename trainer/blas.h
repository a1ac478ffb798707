// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_BLAS_H_
#define ATTUNE_TRAINER_BLAS_H_

// The few products that the learners' time goes into, by the system's BLAS and
// LAPACK (libtorch brings them): these have kernels for the CPU that they run
// on, several times as fast as Eigen's, which are compiled for any x86-64.
//
// On one thread: the same operands give the same bits on one machine, and no
// thread of theirs takes a core from the LLM.

#include <Eigen/Core>

namespace attune::trainer {

// Keeps OpenBLAS, if that is the BLAS, on one thread from here on, whoever
// calls it; its idle threads spin. All below do this first; it is for who
// reaches BLAS past them, as libtorch does. Once is enough. Thread-safe.
void UseOneBlasThread();

// out = a * b, or a' * b. `out` must not overlap the others.
void Multiply(const Eigen::Ref<const Eigen::MatrixXf>& a,
              const Eigen::Ref<const Eigen::MatrixXf>& b,
              Eigen::Ref<Eigen::MatrixXf> out);
void MultiplyTransposed(const Eigen::Ref<const Eigen::MatrixXf>& a,
                        const Eigen::Ref<const Eigen::MatrixXf>& b,
                        Eigen::Ref<Eigen::MatrixXf> out);

// a' a in the lower triangle of `out`; what is above the diagonal stays.
void Square(const Eigen::MatrixXf& a, Eigen::MatrixXf& out);

// The lower Cholesky factor L of a symmetric matrix, L L' = a, in its lower
// triangle; what is above the diagonal stays. Returns false, and leaves NaN on
// the diagonal, if `a` is not positive definite.
bool CholeskyInPlace(Eigen::MatrixXf& a);

// b = L^-1 b, or L'^-1 b.
void SolveLower(const Eigen::MatrixXf& factor, Eigen::Ref<Eigen::MatrixXf> b);
void SolveLowerTransposed(const Eigen::MatrixXf& factor,
                          Eigen::Ref<Eigen::MatrixXf> b);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_BLAS_H_
