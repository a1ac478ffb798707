// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/item_features.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "policy/random.h"
#include "policy/text_features.h"
#include "trainer/export.h"

namespace attune::trainer {
namespace {

using policy::RowMajorMatrix;

constexpr int kMaxBuckets = 65536;
constexpr int kMaxIterations = 200;
constexpr double kTolerance = 1e-5;
// Stream of the seed; see policy::Rng.
constexpr uint64_t kHoldOutStream = 31;

// The design matrix X [N, buckets], as lists of buckets.
class Design {
 public:
  Design(const std::vector<std::vector<int>>& buckets_of, int buckets)
      : buckets_of_(buckets_of), buckets_(buckets) {}

  // X w. [N, d]
  RowMajorMatrix Times(const RowMajorMatrix& w) const {
    RowMajorMatrix result = RowMajorMatrix::Zero(
        static_cast<Eigen::Index>(buckets_of_.size()), w.cols());
    for (size_t i = 0; i < buckets_of_.size(); ++i) {
      for (const int bucket : buckets_of_[i]) result.row(i) += w.row(bucket);
      result.row(i) *= Weight(i);
    }
    return result;
  }

  // X^T y. [buckets, d]
  RowMajorMatrix TransposedTimes(const RowMajorMatrix& y) const {
    RowMajorMatrix result = RowMajorMatrix::Zero(buckets_, y.cols());
    for (size_t i = 0; i < buckets_of_.size(); ++i) {
      const Eigen::RowVectorXf row = Weight(i) * y.row(i);
      for (const int bucket : buckets_of_[i]) result.row(bucket) += row;
    }
    return result;
  }

 private:
  float Weight(size_t i) const {
    const auto n = static_cast<float>(buckets_of_[i].size());
    return n > 0.0F ? 1.0F / std::sqrt(n) : 0.0F;
  }

  const std::vector<std::vector<int>>& buckets_of_;
  int buckets_;
};

// Column-wise dot products. [d]
Eigen::RowVectorXd Dots(const RowMajorMatrix& a, const RowMajorMatrix& b) {
  Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(a.cols());
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    sum += a.row(i).cwiseProduct(b.row(i)).cast<double>();
  }
  return sum;
}

// a / b, 0 where b is 0: a column that is solved stays as it is.
Eigen::RowVectorXf Ratio(const Eigen::RowVectorXd& a,
                         const Eigen::RowVectorXd& b) {
  return a
      .binaryExpr(b, [](double x, double y) { return y > 0.0 ? x / y : 0.0; })
      .cast<float>();
}

// Item indices, by id.
std::vector<int> TouchedItems(const Dataset& dataset,
                              const std::vector<int>& counts) {
  std::vector<int> rows;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) rows.push_back(static_cast<int>(i));
  }
  std::sort(rows.begin(), rows.end(), [&dataset](int a, int b) {
    return dataset.items[a].id < dataset.items[b].id;
  });
  return rows;
}

double MeanCosine(const RowMajorMatrix& predicted,
                  const RowMajorMatrix& truth) {
  double sum = 0.0;
  for (Eigen::Index i = 0; i < truth.rows(); ++i) {
    const double norms = predicted.row(i).norm() * truth.row(i).norm();
    if (norms > 0.0) sum += predicted.row(i).dot(truth.row(i)) / norms;
  }
  return truth.rows() > 0 ? sum / static_cast<double>(truth.rows()) : 0.0;
}

// Fits on a part of the items and measures on the rest.
NgramQuality Measure(const std::vector<std::vector<int>>& buckets_of,
                     const RowMajorMatrix& targets,
                     const ItemFeatureOptions& options) {
  std::vector<int> order(buckets_of.size());
  std::iota(order.begin(), order.end(), 0);
  policy::Rng rng(options.seed, kHoldOutStream);
  for (auto i = static_cast<uint32_t>(order.size()); i > 1; --i) {
    std::swap(order[i - 1], order[rng.Below(i)]);
  }
  const auto held_out = static_cast<size_t>(options.held_out_share *
                                            static_cast<double>(order.size()));
  NgramQuality quality{.held_out_items = static_cast<int>(held_out)};
  if (held_out == 0) return quality;
  const auto part = [&](size_t begin, size_t end) {
    std::pair<std::vector<std::vector<int>>, RowMajorMatrix> result;
    result.second.resize(static_cast<Eigen::Index>(end - begin),
                         targets.cols());
    for (size_t i = begin; i < end; ++i) {
      result.first.push_back(buckets_of[order[i]]);
      result.second.row(i - begin) = targets.row(order[i]);
    }
    return result;
  };
  const auto test = part(0, held_out);
  const auto train = part(held_out, order.size());
  const RowMajorMatrix weights = FitNgrams(
      train.first, train.second, options.ngram_buckets, options.ridge);
  quality.cosine = MeanCosine(
      Design(test.first, options.ngram_buckets).Times(weights), test.second);
  quality.mean_cosine =
      MeanCosine(train.second.colwise().mean().replicate(test.second.rows(), 1),
                 test.second);
  return quality;
}

absl::Status CheckOptions(const Dataset& dataset,
                          const RowMajorMatrix& embeddings,
                          const ItemFeatureOptions& options) {
  const int buckets = options.ngram_buckets;
  if (buckets < 0 || buckets > kMaxBuckets || (buckets & (buckets - 1)) != 0) {
    return absl::InvalidArgumentError(
        "ngram_buckets must be 0 or a power of two, at most 65536");
  }
  if (!(options.ridge > 0.0F) || !(options.held_out_share >= 0.0) ||
      !(options.held_out_share < 1.0)) {
    return absl::InvalidArgumentError(
        "ridge must be > 0 and held_out_share in [0, 1)");
  }
  if (embeddings.rows() != static_cast<Eigen::Index>(dataset.items.size())) {
    return absl::InvalidArgumentError(
        "embeddings must have one row for each item of the data set");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<float> Quantiles(const std::vector<int>& counts) {
  std::vector<int> sorted = counts;
  std::sort(sorted.begin(), sorted.end());
  std::vector<float> result;
  result.reserve(counts.size());
  for (const int count : counts) {
    const auto [low, high] =
        std::equal_range(sorted.begin(), sorted.end(), count);
    const auto below = static_cast<double>(low - sorted.begin());
    const auto equal = static_cast<double>(high - low);
    result.push_back(static_cast<float>((below + 0.5 * equal) /
                                        static_cast<double>(counts.size())));
  }
  return result;
}

RowMajorMatrix FitNgrams(const std::vector<std::vector<int>>& buckets_of,
                         const RowMajorMatrix& targets, int buckets,
                         float ridge) {
  const Design design(buckets_of, buckets);
  RowMajorMatrix weights = RowMajorMatrix::Zero(buckets, targets.cols());
  RowMajorMatrix residual = design.TransposedTimes(targets);
  RowMajorMatrix direction = residual;
  Eigen::RowVectorXd squares = Dots(residual, residual);
  const Eigen::RowVectorXd goal = squares * (kTolerance * kTolerance);
  for (int i = 0; i < kMaxIterations; ++i) {
    if ((squares.array() <= goal.array()).all()) break;
    const RowMajorMatrix image =
        design.TransposedTimes(design.Times(direction)) + ridge * direction;
    const Eigen::RowVectorXf step = Ratio(squares, Dots(direction, image));
    weights += direction * step.asDiagonal();
    residual -= image * step.asDiagonal();
    const Eigen::RowVectorXd next = Dots(residual, residual);
    direction = residual + direction * Ratio(next, squares).asDiagonal();
    squares = next;
  }
  return weights;
}

absl::StatusOr<ItemFeatures> BuildItemFeatures(
    const Dataset& dataset, const RowMajorMatrix& embeddings,
    const ItemFeatureOptions& options) {
  if (absl::Status status = CheckOptions(dataset, embeddings, options);
      !status.ok()) {
    return status;
  }
  const std::vector<int> counts = dataset.TrainCounts();
  const std::vector<int> items = TouchedItems(dataset, counts);
  if (items.empty()) {
    return absl::FailedPreconditionError("no item was touched in training");
  }
  RowMajorMatrix table(static_cast<Eigen::Index>(items.size()),
                       embeddings.cols());
  std::vector<int> table_counts;
  std::vector<std::vector<int>> buckets_of;
  std::vector<std::string> ids;
  std::vector<std::string> titles;
  std::vector<std::string> genres;
  for (size_t row = 0; row < items.size(); ++row) {
    const policy::Item& item = dataset.items[items[row]];
    table.row(row) = embeddings.row(items[row]).normalized();
    table_counts.push_back(counts[items[row]]);
    ids.push_back(item.id);
    titles.push_back(item.title);
    genres.push_back(absl::StrJoin(item.genres, "|"));
    if (options.ngram_buckets > 0) {
      buckets_of.push_back(
          policy::TitleNgrams(item.title, options.ngram_buckets));
    }
  }
  ItemFeatures result;
  result.tensors.push_back(ToTensor("item_embeddings", table));
  result.tensors.push_back({.name = "item_popularity",
                            .shape = {table.rows()},
                            .values = Quantiles(table_counts)});
  if (options.ngram_buckets > 0) {
    result.ngrams = Measure(buckets_of, table, options);
    result.tensors.push_back(ToTensor(
        "ngram_weights",
        FitNgrams(buckets_of, table, options.ngram_buckets, options.ridge)));
  }
  result.strings = {{.name = "item_ids", .values = std::move(ids)},
                    {.name = "item_titles", .values = std::move(titles)},
                    {.name = "item_genres", .values = std::move(genres)}};
  return result;
}

}  // namespace attune::trainer
