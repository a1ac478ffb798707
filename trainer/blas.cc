// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/blas.h"

#include <limits>

// Fortran's interface, which every BLAS has.
extern "C" {
void sgemm_(const char* transpose_a, const char* transpose_b, const int* m,
            const int* n, const int* k, const float* alpha, const float* a,
            const int* lda, const float* b, const int* ldb, const float* beta,
            float* c, const int* ldc);
void ssyrk_(const char* triangle, const char* transpose, const int* n,
            const int* k, const float* alpha, const float* a, const int* lda,
            const float* beta, float* c, const int* ldc);
void strsm_(const char* side, const char* triangle, const char* transpose,
            const char* diagonal, const int* m, const int* n,
            const float* alpha, const float* a, const int* lda, float* b,
            const int* ldb);
void spotrf_(const char* triangle, const int* n, float* a, const int* lda,
             int* info);
// OpenBLAS only.
void openblas_set_num_threads(int threads) __attribute__((weak));
}

namespace attune::trainer {
namespace {

constexpr float kOne = 1.0F;
constexpr float kZero = 0.0F;

void Product(const char* transpose, const Eigen::Ref<const Eigen::MatrixXf>& a,
             const Eigen::Ref<const Eigen::MatrixXf>& b,
             Eigen::Ref<Eigen::MatrixXf> out) {
  UseOneBlasThread();
  const auto m = static_cast<int>(out.rows());
  const auto n = static_cast<int>(out.cols());
  const auto k = static_cast<int>(b.rows());
  if (m == 0 || n == 0) return;
  if (k == 0) {
    out.setZero();
    return;
  }
  const auto lda = static_cast<int>(a.outerStride());
  const auto ldb = static_cast<int>(b.outerStride());
  const auto ldc = static_cast<int>(out.outerStride());
  sgemm_(transpose, "N", &m, &n, &k, &kOne, a.data(), &lda, b.data(), &ldb,
         &kZero, out.data(), &ldc);
}

void Solve(const char* transpose, const Eigen::MatrixXf& factor,
           Eigen::Ref<Eigen::MatrixXf> b) {
  UseOneBlasThread();
  const auto m = static_cast<int>(b.rows());
  const auto n = static_cast<int>(b.cols());
  if (m == 0 || n == 0) return;
  const auto ldb = static_cast<int>(b.outerStride());
  strsm_("L", "L", transpose, "N", &m, &n, &kOne, factor.data(), &m, b.data(),
         &ldb);
}

}  // namespace

void UseOneBlasThread() {
  static const bool done = [] {
    if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

void Multiply(const Eigen::Ref<const Eigen::MatrixXf>& a,
              const Eigen::Ref<const Eigen::MatrixXf>& b,
              Eigen::Ref<Eigen::MatrixXf> out) {
  Product("N", a, b, out);
}

void MultiplyTransposed(const Eigen::Ref<const Eigen::MatrixXf>& a,
                        const Eigen::Ref<const Eigen::MatrixXf>& b,
                        Eigen::Ref<Eigen::MatrixXf> out) {
  Product("T", a, b, out);
}

void Square(const Eigen::MatrixXf& a, Eigen::MatrixXf& out) {
  UseOneBlasThread();
  const auto n = static_cast<int>(a.cols());
  const auto k = static_cast<int>(a.rows());
  if (n == 0 || k == 0) return;
  ssyrk_("L", "T", &n, &k, &kOne, a.data(), &k, &kZero, out.data(), &n);
}

bool CholeskyInPlace(Eigen::MatrixXf& a) {
  UseOneBlasThread();
  const auto n = static_cast<int>(a.rows());
  int info = 0;
  if (n > 0) spotrf_("L", &n, a.data(), &n, &info);
  if (info == 0) return true;
  a.diagonal().setConstant(std::numeric_limits<float>::quiet_NaN());
  return false;
}

void SolveLower(const Eigen::MatrixXf& factor, Eigen::Ref<Eigen::MatrixXf> b) {
  Solve("N", factor, b);
}

void SolveLowerTransposed(const Eigen::MatrixXf& factor,
                          Eigen::Ref<Eigen::MatrixXf> b) {
  Solve("T", factor, b);
}

}  // namespace attune::trainer
