// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_users.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "trainer/export.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kUserStream = 0x73696d;
constexpr uint64_t kCandidateStream = 0x63616e;
constexpr int kAnyCluster = -1;
constexpr const char* kGenres[] = {"Drama",  "Comedy", "Thriller", "Western",
                                   "Horror", "Sci-Fi", "Romance",  "Crime"};

// Columns to mean 0 and variance 1.
void Standardise(Eigen::MatrixXf& matrix) {
  matrix.rowwise() -= matrix.colwise().mean().eval();
  for (Eigen::Index j = 0; j < matrix.cols(); ++j) {
    const float n = static_cast<float>(matrix.rows());
    matrix.col(j) /=
        std::max(std::sqrt(matrix.col(j).squaredNorm() / n), 1e-6F);
  }
}

// Scores along the first principal axes, of variance 1.
Eigen::MatrixXf PrincipalScores(Eigen::MatrixXf rows, int count) {
  rows.rowwise() -= rows.colwise().mean().eval();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXf> solver(rows.transpose() *
                                                              rows);
  Eigen::MatrixXf axes = solver.eigenvectors().rightCols(count);
  for (Eigen::Index j = 0; j < axes.cols(); ++j) {
    if (axes(0, j) < 0.0F) axes.col(j) *= -1.0F;
  }
  Eigen::MatrixXf scores = rows * axes;
  Standardise(scores);
  return scores;
}

}  // namespace

SimUsers::SimUsers(const SimWorldOptions& options) : options_(options) {
  policy::Rng rng(options_.seed, kUserStream);
  MakeItems(rng);
  MakePopularity(rng);
  for (int u = 0; u < options_.users; ++u) users_.push_back(MakeUser(rng));
  MakeLatents(rng);
}

void SimUsers::MakeItems(policy::Rng& rng) {
  const int d = options_.embedding_dim;
  // As of a trained collaborative model: a few directions carry most.
  Eigen::MatrixXf centres(options_.clusters, d);
  for (int c = 0; c < options_.clusters; ++c) {
    for (int j = 0; j < d; ++j) {
      centres(c, j) = static_cast<float>(2.0 * Normal(rng) / (1.0 + 0.5 * j));
    }
  }
  clusters_.resize(options_.clusters);
  embeddings_.resize(options_.items, d);
  for (int i = 0; i < options_.items; ++i) {
    const int cluster = i % options_.clusters;
    clusters_[cluster].push_back(i);
    for (int j = 0; j < d; ++j) {
      embeddings_(i, j) =
          centres(cluster, j) + static_cast<float>(0.3 * Normal(rng));
    }
    items_.push_back({.id = absl::StrFormat("item%05d", i),
                      .title = absl::StrCat("Simulated Film ", i),
                      .genres = {kGenres[cluster % std::size(kGenres)]}});
  }
  embeddings_.rowwise().normalize();
}

void SimUsers::MakePopularity(policy::Rng& rng) {
  popularity_.resize(options_.items);
  for (const std::vector<int>& cluster : clusters_) {
    Eigen::MatrixXf drawn(cluster.size(), 1);
    for (float& x : drawn.reshaped()) x = static_cast<float>(Normal(rng));
    if (drawn.rows() > 1) Standardise(drawn);
    for (size_t i = 0; i < cluster.size(); ++i) {
      popularity_[cluster[i]] = drawn(static_cast<Eigen::Index>(i), 0);
    }
  }
}

int SimUsers::DrawItem(int cluster, policy::Rng& rng) const {
  if (cluster == kAnyCluster) {
    return static_cast<int>(rng.Below(static_cast<uint32_t>(items_.size())));
  }
  const std::vector<int>& items = clusters_[cluster];
  return items[rng.Below(static_cast<uint32_t>(items.size()))];
}

SimUsers::User SimUsers::MakeUser(policy::Rng& rng) const {
  User user;
  for (int& cluster : user.favourites) {
    cluster = static_cast<int>(rng.Below(options_.clusters));
  }
  user.seen.resize(options_.items, false);
  const int span = options_.max_history - options_.min_history + 1;
  const int length = options_.min_history + static_cast<int>(rng.Below(span));
  int64_t seconds = 1'000'000'000;
  const double days = std::exp(1.0 + Normal(rng));
  while (static_cast<int>(user.history.size()) < length) {
    const double u01 = rng.UnitDouble();
    const int item =
        DrawItem(u01 < 0.6 ? user.favourites[0]
                           : (u01 < 0.9 ? user.favourites[1] : kAnyCluster),
                 rng);
    if (user.seen[item]) continue;
    user.seen[item] = true;
    policy::Item watched = items_[item];
    seconds += static_cast<int64_t>(86400.0 * days * rng.UnitDouble());
    watched.interact_seconds = seconds;
    user.history.push_back(std::move(watched));
  }
  return user;
}

void SimUsers::MakeLatents(policy::Rng& rng) {
  // What the encoder computes of a history: the folded-in embedding and the
  // logarithm of the length.
  const auto decay = static_cast<float>(options_.recency_decay);
  Eigen::MatrixXf folded =
      Eigen::MatrixXf::Zero(options_.users, options_.embedding_dim);
  latents_.resize(options_.users, kLatents);
  for (int u = 0; u < options_.users; ++u) {
    float weight = 1.0F;
    const std::vector<policy::Item>& history = users_[u].history;
    for (size_t i = history.size(); i-- > 0; weight *= decay) {
      int item = 0;
      if (!absl::SimpleAtoi(history[i].id.substr(4), &item)) continue;
      folded.row(u) += weight * embeddings_.row(item);
    }
    latents_(u, 0) = std::log1p(static_cast<float>(history.size()));
  }
  folded.rowwise().normalize();
  latents_.rightCols(kLatents - 1) = PrincipalScores(folded, kLatents - 1);
  Standardise(latents_);
  const auto hidden = static_cast<float>(options_.hidden_share);
  for (float& z : latents_.reshaped()) {
    z = std::sqrt(1.0F - hidden) * z +
        std::sqrt(hidden) * static_cast<float>(Normal(rng));
  }
}

SimUsers::Candidates SimUsers::DrawCandidates(int user, int draw) const {
  const User& who = users_[user];
  policy::Rng rng(options_.seed ^ policy::Mix64(static_cast<uint64_t>(user)),
                  kCandidateStream ^ policy::Mix64(draw));
  Candidates drawn;
  while (static_cast<int>(drawn.items.size()) < options_.candidates) {
    const double merit = Normal(rng);
    // The true item is mostly of a favourite cluster, others seldom; those that
    // the LLM likes more often.
    const double fit =
        NormalCdf(2.0 * merit + (drawn.items.empty() ? 1.0 : -1.0));
    const int cluster = rng.UnitDouble() >= fit   ? kAnyCluster
                        : rng.UnitDouble() < 0.67 ? who.favourites[0]
                                                  : who.favourites[1];
    int item = DrawItem(cluster, rng);
    while (who.seen[item] || std::find(drawn.items.begin(), drawn.items.end(),
                                       item) != drawn.items.end()) {
      // A cluster may be used up: look elsewhere now and then.
      item = DrawItem(rng.UnitDouble() < 0.1 ? kAnyCluster : cluster, rng);
    }
    drawn.items.push_back(item);
    drawn.merits.push_back(static_cast<float>(merit));
  }
  return drawn;
}

std::vector<policy::NamedTensor> SimUsers::ItemTensors() const {
  std::vector<float> popularity;
  for (const float z : popularity_) {
    popularity.push_back(static_cast<float>(NormalCdf(z)));
  }
  return {ToTensor("item_embeddings", embeddings_),
          {.name = "item_popularity",
           .shape = {static_cast<int64_t>(popularity.size())},
           .values = popularity}};
}

std::vector<policy::NamedStrings> SimUsers::ItemStrings() const {
  std::vector<policy::NamedStrings> tables = {
      {"item_ids", {}}, {"item_titles", {}}, {"item_genres", {}}};
  for (const policy::Item& item : items_) {
    tables[0].values.push_back(item.id);
    tables[1].values.push_back(item.title);
    tables[2].values.push_back(absl::StrJoin(item.genres, "|"));
  }
  return tables;
}

}  // namespace attune::trainer
