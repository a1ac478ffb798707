// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/user_state.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "policy/dense.h"

namespace attune::policy {
namespace {

constexpr float kFeatureLimit = 1e4F;
constexpr double kSecondsPerDay = 86400.0;

// [d] A sum on the way to a result; on the stack, for embeddings are short.
using Sum = absl::InlinedVector<float, 128>;

// The items of one list with what the table or the fallback knows of them.
struct Lookup {
  // Embedding [d] of each item; null if there is none.
  absl::InlinedVector<const float*, 32> embedding;
  // 1 / length of the embedding; 0 if there is none.
  absl::InlinedVector<float, 32> inverse_norm;
  // Of the items in the table, ascending.
  absl::InlinedVector<float, 32> popularity;
  // Embeddings from titles; what their data() points to stays where it is.
  std::vector<Eigen::VectorXf> fallback;
};

float InverseNorm(const float* v, int64_t dim) {
  float squared = 0.0F;
  DotRows(v, 1, dim, v, &squared);
  const float norm = std::sqrt(squared);
  return std::isfinite(norm) && norm > 1e-20F ? 1.0F / norm : 0.0F;
}

Lookup LookUp(const UserStateEncoder& encoder, absl::Span<const Item> items) {
  const ItemTable& table = encoder.items();
  absl::InlinedVector<std::string_view, 64> ids(items.size());
  absl::InlinedVector<int64_t, 64> rows(items.size());
  for (size_t i = 0; i < items.size(); ++i) ids[i] = items[i].id;
  table.FindAll(ids, absl::MakeSpan(rows));
  Lookup result;
  result.embedding.reserve(items.size());
  result.inverse_norm.reserve(items.size());
  result.popularity.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    const int64_t row = rows[i];
    const float* embedding = nullptr;
    if (row >= 0) {
      embedding = table.embedding(row).data();
      result.popularity.push_back(table.popularity(row));
    } else if (encoder.settings().ngram_buckets > 0) {
      embedding = result.fallback.emplace_back(encoder.Embed(items[i])).data();
    }
    const float inverse_norm =
        embedding == nullptr
            ? 0.0F
            : InverseNorm(embedding, encoder.settings().embedding_dim);
    // A zero embedding says nothing, like none.
    result.embedding.push_back(inverse_norm > 0.0F ? embedding : nullptr);
    result.inverse_norm.push_back(inverse_norm);
  }
  std::sort(result.popularity.begin(), result.popularity.end());
  return result;
}

void ForceFinite(Eigen::VectorXf& v, float limit) {
  v = v.unaryExpr([limit](float x) {
    return std::isfinite(x) ? std::clamp(x, -limit, limit) : 0.0F;
  });
}

// Linear interpolation between the order statistics; 0 of nothing.
float Quantile(absl::Span<const float> ascending, float q) {
  if (ascending.empty()) return 0.0F;
  const float place = q * static_cast<float>(ascending.size() - 1);
  const size_t below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, ascending.size() - 1);
  return ascending[below] + (place - static_cast<float>(below)) *
                                (ascending[above] - ascending[below]);
}

struct Fold {
  Eigen::VectorXf user;
  // Mean cosine of all pairs of the folded items; 0 of fewer than two.
  float pairwise = 0.0F;
};

Fold FoldIn(const Lookup& history, const EncoderSettings& settings) {
  const int d = settings.embedding_dim;
  Fold fold{.user = Eigen::VectorXf::Zero(d)};
  Sum unit_sum(d, 0.0F);
  absl::InlinedVector<float, 64> weights(history.embedding.size(), 0.0F);
  float weight = 1.0F;
  float weight_sum = 0.0F;
  int n = 0;
  size_t oldest = history.embedding.size();
  while (oldest > 0 && n < settings.max_history) {
    if (history.embedding[--oldest] == nullptr) continue;
    weights[oldest] = weight;
    weight_sum += weight;
    weight *= settings.recency_decay;
    ++n;
  }
  const float* const* const folded = history.embedding.data() + oldest;
  const auto rows = static_cast<int64_t>(history.embedding.size() - oldest);
  AddRows(folded, weights.data() + oldest, rows, d, fold.user.data());
  AddRows(folded, history.inverse_norm.data() + oldest, rows, d,
          unit_sum.data());
  if (n > 0) fold.user /= weight_sum;
  if (!fold.user.allFinite()) fold.user.setZero();
  if (n > 1) {
    const float pairs = static_cast<float>(n) * static_cast<float>(n - 1);
    float squared = 0.0F;
    DotRows(unit_sum.data(), 1, d, unit_sum.data(), &squared);
    fold.pairwise = (squared - static_cast<float>(n)) / pairs;
  }
  return fold;
}

// Mean and last gap in days between neighbours that both have a time.
std::pair<double, double> GapsInDays(absl::Span<const Item> history) {
  double sum = 0.0;
  double last = 0.0;
  int n = 0;
  for (size_t i = 1; i < history.size(); ++i) {
    const auto& from = history[i - 1].interact_seconds;
    const auto& to = history[i].interact_seconds;
    last = 0.0;
    if (!from || !to) continue;
    last =
        std::max(0.0, (static_cast<double>(*to) - static_cast<double>(*from)) /
                          kSecondsPerDay);
    sum += last;
    ++n;
  }
  return {n > 0 ? sum / n : 0.0, last};
}

// Dot products; candidates without an embedding get the mean of the others.
Eigen::VectorXf Scores(const Lookup& candidates, const Eigen::VectorXf& user) {
  const Eigen::Index n = static_cast<Eigen::Index>(candidates.embedding.size());
  Eigen::VectorXf scores(n);
  DotEach(candidates.embedding.data(), n, user.size(), user.data(),
          scores.data());
  float sum = 0.0F;
  int known = 0;
  for (Eigen::Index i = 0; i < n; ++i) {
    if (candidates.embedding[i] == nullptr) continue;
    if (!std::isfinite(scores[i])) scores[i] = 0.0F;
    sum += scores[i];
    ++known;
  }
  const float mean = known > 0 ? sum / static_cast<float>(known) : 0.0F;
  for (Eigen::Index i = 0; i < n; ++i) {
    if (candidates.embedding[i] == nullptr) {
      scores[i] = std::isfinite(mean) ? mean : 0.0F;
    }
  }
  return scores;
}

Eigen::VectorXf Nearness(const Lookup& history, const Lookup& candidates,
                         int d) {
  Sum mean(d, 0.0F);
  AddRows(candidates.embedding.data(), candidates.inverse_norm.data(),
          static_cast<int64_t>(candidates.embedding.size()), d, mean.data());
  const auto known = candidates.embedding.size() -
                     std::count(candidates.embedding.begin(),
                                candidates.embedding.end(), nullptr);
  if (known > 0) {
    for (float& x : mean) x /= static_cast<float>(known);
  }
  const auto n = static_cast<Eigen::Index>(history.embedding.size());
  Eigen::VectorXf nearness(n);
  DotEach(history.embedding.data(), n, d, mean.data(), nearness.data());
  for (Eigen::Index i = 0; i < n; ++i) {
    nearness[i] *= history.inverse_norm[i];
    if (!std::isfinite(nearness[i])) nearness[i] = 0.0F;
  }
  return nearness;
}

void HistoryFeatures(absl::Span<const Item> history, const Lookup& lookup,
                     const Fold& fold, float* out) {
  const auto [mean_gap, last_gap] = GapsInDays(history);
  out[0] = std::log1p(static_cast<float>(history.size()));
  out[1] = Quantile(lookup.popularity, 0.25F);
  out[2] = Quantile(lookup.popularity, 0.5F);
  out[3] = Quantile(lookup.popularity, 0.75F);
  out[4] = fold.pairwise;
  out[5] = static_cast<float>(std::log1p(mean_gap));
  out[6] = static_cast<float>(std::log1p(last_gap));
}

void CandidateFeatures(const Lookup& lookup, const Eigen::VectorXf& scores,
                       float user_inverse_norm, float* out) {
  float sum = 0.0F;
  float largest = 0.0F;
  int known = 0;
  for (Eigen::Index i = 0; i < scores.size(); ++i) {
    if (lookup.embedding[i] == nullptr) continue;
    const float cosine = scores[i] * user_inverse_norm * lookup.inverse_norm[i];
    largest = known == 0 ? cosine : std::max(largest, cosine);
    sum += cosine;
    ++known;
  }
  float best = scores[0];
  float second = scores[1];
  if (second > best) std::swap(best, second);
  for (Eigen::Index i = 2; i < scores.size(); ++i) {
    second = std::max(second, std::min(best, scores[i]));
    best = std::max(best, scores[i]);
  }
  const float n = static_cast<float>(scores.size());
  out[0] = known > 0 ? sum / static_cast<float>(known) : 0.0F;
  out[1] = largest;
  out[2] = Quantile(lookup.popularity, 0.25F);
  out[3] = Quantile(lookup.popularity, 0.5F);
  out[4] = Quantile(lookup.popularity, 0.75F);
  out[5] = best - second;
  out[6] = std::sqrt((scores.array() - scores.mean()).square().mean());
  out[7] = 1.0F - static_cast<float>(lookup.popularity.size()) / n;
}

}  // namespace

UserStateEncoder::UserStateEncoder(EncoderSettings settings, ItemTable items,
                                   MatrixView ngram_weights,
                                   MatrixView option_embeddings, Gru gru)
    : settings_(settings),
      items_(items),
      ngram_weights_(ngram_weights),
      option_embeddings_(option_embeddings),
      gru_(gru) {}

int UserStateEncoder::StateDim() const {
  return settings_.embedding_dim + kHistoryFeatures + kCandidateFeatures +
         settings_.option_embedding_dim + settings_.gru_hidden + 1;
}

UserState UserStateEncoder::Encode(
    absl::Span<const Item> history, absl::Span<const Item> candidates,
    absl::Span<const int> option_offsets,
    const std::optional<PreviousIteration>& previous) const {
  const int d = settings_.embedding_dim;
  const Lookup seen = LookUp(*this, history);
  const Lookup offered = LookUp(*this, candidates);
  Fold fold = FoldIn(seen, settings_);
  const float inverse_norm = InverseNorm(fold.user.data(), d);
  UserState state;
  state.candidate_scores = Scores(offered, fold.user);
  state.history_nearness = Nearness(seen, offered, d);
  state.features = Eigen::VectorXf::Zero(StateDim());
  state.features.head(d) = inverse_norm * fold.user;
  HistoryFeatures(history, seen, fold, state.features.data() + d);
  CandidateFeatures(offered, state.candidate_scores, inverse_norm,
                    state.features.data() + d + kHistoryFeatures);
  if (previous.has_value()) {
    EncodePrevious(*previous, candidates, option_offsets,
                   d + kHistoryFeatures + kCandidateFeatures, state.features);
  }
  state.user_embedding = std::move(fold.user);
  ForceFinite(state.features, kFeatureLimit);
  return state;
}

void UserStateEncoder::EncodePrevious(const PreviousIteration& previous,
                                      absl::Span<const Item> candidates,
                                      absl::Span<const int> option_offsets,
                                      int offset,
                                      Eigen::VectorXf& features) const {
  if (option_embeddings_.rows() > 0) {
    auto sum = features.segment(offset, settings_.option_embedding_dim);
    for (size_t k = 0; k < previous.options.size(); ++k) {
      sum += option_embeddings_.row(option_offsets[k] + previous.options[k])
                 .transpose();
    }
  }
  if (gru_.hidden() > 0) {
    RowMajorMatrix inputs(previous.ranking.size(), settings_.embedding_dim);
    for (size_t t = 0; t < previous.ranking.size(); ++t) {
      inputs.row(t) = Embed(candidates[previous.ranking[t]]).transpose();
    }
    features.segment(offset + settings_.option_embedding_dim,
                     settings_.gru_hidden) = gru_.Run(inputs);
  }
  features[features.size() - 1] = 1.0F;
}

Eigen::VectorXf UserStateEncoder::Embed(const Item& item) const {
  const int64_t row = items_.Find(item.id);
  if (row >= 0) return items_.embedding(row).transpose();
  Eigen::VectorXf sum = Eigen::VectorXf::Zero(settings_.embedding_dim);
  if (settings_.ngram_buckets == 0) return sum;
  const std::vector<int> ngrams =
      TitleNgrams(item.title, settings_.ngram_buckets);
  for (const int bucket : ngrams) sum += ngram_weights_.row(bucket).transpose();
  if (!ngrams.empty()) sum /= std::sqrt(static_cast<float>(ngrams.size()));
  return sum;
}

}  // namespace attune::policy
