// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/hierarchical_bootstrap.h"

#include <algorithm>
#include <vector>

#include "policy/random.h"

namespace attune::trainer {
namespace {

// Stream of the seed; see policy::Rng.
constexpr uint64_t kStream = 42;

// How often each of `count` things is drawn in `count` draws.
void Draw(policy::Rng& rng, Eigen::VectorXd& times) {
  times.setZero();
  const auto count = static_cast<uint32_t>(times.size());
  for (uint32_t i = 0; i < count; ++i) times[rng.Below(count)] += 1.0;
}

// Users without any value would only blur the draws: their rows go.
SeedTable WithoutEmptyRows(const SeedTable& values) {
  SeedTable kept(values.rows(), values.cols());
  Eigen::Index rows = 0;
  for (Eigen::Index user = 0; user < values.rows(); ++user) {
    if (!values.row(user).array().isNaN().all()) {
      kept.row(rows++) = values.row(user);
    }
  }
  return kept.topRows(rows);
}

double TwoSided(const std::vector<double>& means) {
  double at_most = 1.0;
  double at_least = 1.0;
  for (const double mean : means) {
    at_most += mean <= 0.0 ? 1.0 : 0.0;
    at_least += mean >= 0.0 ? 1.0 : 0.0;
  }
  const double n = 1.0 + static_cast<double>(means.size());
  return std::min(1.0, 2.0 * std::min(at_most, at_least) / n);
}

}  // namespace

BootstrapResult HierarchicalMean(const SeedTable& values, uint64_t seed,
                                 int resamples) {
  const SeedTable table = WithoutEmptyRows(values);
  if (table.size() == 0 || resamples < 1) return {};
  const auto known = table.array().isNaN().select(
      0.0, SeedTable::Ones(table.rows(), table.cols()));
  const Eigen::MatrixXd mask = known;
  const Eigen::MatrixXd sums = table.array().isNaN().select(0.0, table);
  policy::Rng rng(seed, kStream);
  Eigen::VectorXd users(table.rows());
  Eigen::VectorXd seeds(table.cols());
  std::vector<double> means;
  means.reserve(resamples);
  while (static_cast<int>(means.size()) < resamples) {
    Draw(rng, users);
    Draw(rng, seeds);
    const double weight = (users.transpose() * mask).dot(seeds);
    // Only where values are missing can a draw hold none.
    if (weight == 0.0) continue;
    means.push_back((users.transpose() * sums).dot(seeds) / weight);
  }
  BootstrapResult result;
  result.p = TwoSided(means);
  std::sort(means.begin(), means.end());
  result.interval = {.mean = sums.sum() / mask.sum(),
                     .low = Quantile(means, kIntervalTail),
                     .high = Quantile(means, 1.0 - kIntervalTail),
                     .count = static_cast<int>(table.rows())};
  return result;
}

SeedTable PairedTable(const SeedTable& a, const SeedTable& b) {
  const Eigen::Index seeds = std::max(a.cols(), b.cols());
  SeedTable difference(a.rows(), seeds);
  for (Eigen::Index s = 0; s < seeds; ++s) {
    difference.col(s) =
        a.col(a.cols() == 1 ? 0 : s) - b.col(b.cols() == 1 ? 0 : s);
  }
  return difference;
}

}  // namespace attune::trainer
