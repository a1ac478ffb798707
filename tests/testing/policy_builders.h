// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TESTING_POLICY_BUILDERS_H_
#define ATTUNE_TESTS_TESTING_POLICY_BUILDERS_H_

// Sample items, requests, catalogs and revisions. Everything is a function of
// its arguments: same arguments, same bytes.
//
//   auto parts = MakeRevisionParts(kSmallCatalogYaml, HeadsKind::kIndependent,
//   7); std::string artifact = EncodeRevision(parts).value(); auto decision =
//   Revision::Load(artifact).value()->policy().Decide(
//       {.history = SampleHistory(5), .candidates = SampleCandidates(10)});
//
// The sample items are those of the table of MakeRevisionParts: ids "item-000"
// to "item-039". The history takes the first ones, the candidates the last
// ones.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "policy/catalog.h"
#include "policy/item.h"
#include "policy/random.h"
#include "policy/revision.h"
#include "policy/text_features.h"
#include "policy/user_state.h"

namespace attune::testing {

inline constexpr int kSampleItems = 40;

// Five patterns with few options each, of every kind and selection.
inline constexpr char kSmallCatalogYaml[] = R"yaml(name: small
domain: movies
frame:
  history_intro: "Watched, oldest first:"
  candidates_intro: "To rank:"
  prior_prefix: "A film:"
  likelihood_lists_candidates: false
patterns:
  - name: history
    default: recent
    options:
      - {id: last, length: 1}
      - {id: recent, length: 5}
      - {id: heaviest, length: 3, selection: heaviest}
      - {id: nearest, length: 20, selection: nearest}
  - name: hint
    default: none
    options:
      - {id: none, source: none}
      - {id: best, source: candidates, count: 1, text: "Others liked {items}."}
      - {id: near, source: neighbours, count: 2, text: "Close to {items}."}
      - {id: genres, source: genres, count: 2, text: "Favours {genres}."}
  - name: reasoning
    default: none
    options:
      - {id: none, text: ""}
      - {id: taste, text: "Think of the taste first."}
  - name: role
    default: critic
    options:
      - {id: critic, text: "You are a film critic."}
      - {id: friend, text: "You are a friend who knows films."}
      - {id: librarian, text: "You keep a film library."}
  - name: format
    default: plain
    options:
      - id: plain
        text: ""
        generate: "List all labels, best first."
        labels: "Name the best label."
        likelihood: "The best film is:"
      - id: next
        text: "Be brief."
        generate: "Labels only, best first."
        labels: "One label."
        likelihood: "Next they will watch:"
)yaml";

// Cumulative history lengths, as in the paper: four patterns.
inline constexpr char kSmallCumulativeCatalogYaml[] =
    R"yaml(name: small_cumulative
domain: movies
cumulative_history:
  initial_length: 2
frame:
  history_intro: "Watched, oldest first:"
  candidates_intro: "To rank:"
  prior_prefix: "A film:"
  likelihood_lists_candidates: false
patterns:
  - name: history
    default: add_none
    options:
      - {id: add_none, length: 0}
      - {id: add_one, length: 1}
      - {id: add_two, length: 2}
  - name: reasoning
    default: none
    options:
      - {id: none, text: ""}
      - {id: taste, text: "Think of the taste first."}
  - name: role
    default: critic
    options:
      - {id: critic, text: "You are a film critic."}
      - {id: friend, text: "You are a friend who knows films."}
      - {id: librarian, text: "You keep a film library."}
  - name: format
    default: plain
    options:
      - id: plain
        text: ""
        generate: "List all labels, best first."
        labels: "Name the best label."
        likelihood: "The best film is:"
      - id: next
        text: "Be brief."
        generate: "Labels only, best first."
        labels: "One label."
        likelihood: "Next they will watch:"
)yaml";

// Item `index`; the table of MakeRevisionParts knows it if it is below
// kSampleItems.
inline policy::Item SampleItem(int index) {
  static constexpr const char* kGenres[] = {"Comedy", "Drama", "Thriller"};
  char id[16];
  std::snprintf(id, sizeof(id), "item-%03d", index);
  return {.id = id,
          .title = "Sample Film " + std::to_string(index) + " (" +
                   std::to_string(1950 + index) + ")",
          .genres = {kGenres[index % 3]},
          .weight = static_cast<float>(1 + index % 5),
          .interact_seconds = 880000000 + int64_t{86400} * index};
}

inline std::vector<policy::Item> SampleItems(int first, int count) {
  std::vector<policy::Item> items;
  for (int i = 0; i < count; ++i) items.push_back(SampleItem(first + i));
  return items;
}

// Oldest first.
inline std::vector<policy::Item> SampleHistory(int count) {
  return SampleItems(0, count);
}

inline std::vector<policy::Item> SampleCandidates(int count) {
  std::vector<policy::Item> items = SampleItems(kSampleItems - count, count);
  // A candidate has not been interacted with.
  for (policy::Item& item : items) {
    item.weight = 0.0F;
    item.interact_seconds.reset();
  }
  return items;
}

// Uniform in [-scale, scale).
inline std::vector<float> RandomFloats(int64_t count, float scale,
                                       policy::Rng& rng) {
  std::vector<float> values(count);
  for (float& value : values) value = scale * (2.0F * rng.UnitFloat() - 1.0F);
  return values;
}

inline policy::NamedTensor RandomTensor(const std::string& name,
                                        std::vector<int64_t> shape, float scale,
                                        policy::Rng& rng) {
  int64_t count = 1;
  for (const int64_t dimension : shape) count *= dimension;
  return {name, std::move(shape), RandomFloats(count, scale, rng)};
}

struct RevisionSizes {
  int embedding_dim = 8;
  int max_history = 50;
  int ngram_buckets = 16;
  int gru_hidden = 4;
  int option_embedding_dim = 6;
  int hidden = 10;
  int score_dim = 5;
  float exploration_floor = 0.05F;
  // Scale of the random weights: larger ones give more decided agents.
  float scale = 1.0F;
};

inline void AddSampleItemTable(const RevisionSizes& sizes, policy::Rng& rng,
                               policy::RevisionParts& parts) {
  parts.tensors.push_back(RandomTensor(
      "item_embeddings", {kSampleItems, sizes.embedding_dim}, 1.0F, rng));
  policy::NamedTensor popularity{"item_popularity", {kSampleItems}, {}};
  policy::NamedStrings ids{"item_ids", {}};
  policy::NamedStrings titles{"item_titles", {}};
  policy::NamedStrings genres{"item_genres", {}};
  for (int i = 0; i < kSampleItems; ++i) {
    const policy::Item item = SampleItem(i);
    popularity.values.push_back(static_cast<float>(i) / kSampleItems);
    ids.values.push_back(item.id);
    titles.values.push_back(item.title);
    genres.values.push_back(item.genres[0] + "|Sample");
  }
  parts.tensors.push_back(std::move(popularity));
  parts.strings = {std::move(ids), std::move(titles), std::move(genres)};
}

inline void AddRandomHeads(const policy::Catalog& catalog,
                           policy::HeadsKind kind, const RevisionSizes& sizes,
                           policy::Rng& rng, policy::RevisionParts& parts) {
  const int e = sizes.option_embedding_dim;
  const int h = sizes.gru_hidden;
  const int state = sizes.embedding_dim + policy::kHistoryFeatures +
                    policy::kCandidateFeatures + e + h + 1;
  const int inputs =
      state + (kind == policy::HeadsKind::kAutoregressive ? e : 0);
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    parts.tensors.push_back(
        RandomTensor(name, std::move(shape), sizes.scale, rng));
  };
  add("option_embeddings", {catalog.TotalOptions(), e});
  add("option_projection", {sizes.score_dim, e});
  for (const policy::Pattern& pattern : catalog.patterns) {
    const std::string prefix = "head." + pattern.name + ".";
    add(prefix + "w1", {sizes.hidden, inputs});
    add(prefix + "c1", {sizes.hidden, 1});
    add(prefix + "w2", {sizes.score_dim, sizes.hidden});
    add(prefix + "c2", {sizes.score_dim, 1});
    add(prefix + "bias", {static_cast<int64_t>(pattern.options.size()), 1});
  }
  if (h == 0) return;
  add("gru.weight_ih", {3 * h, sizes.embedding_dim});
  add("gru.weight_hh", {3 * h, h});
  add("gru.bias_ih", {3 * h, 1});
  add("gru.bias_hh", {3 * h, 1});
}

// A revision with random weights over the catalog and the sample items;
// kUniform has neither weights nor items. `seed` decides all of it.
inline policy::RevisionParts MakeRevisionParts(
    const std::string& catalog_yaml, policy::HeadsKind kind, uint64_t seed,
    const RevisionSizes& sizes = {}) {
  policy::RevisionParts parts;
  policy::Rng rng(seed);
  auto& manifest = parts.manifest;
  manifest.set_policy("sample");
  manifest.set_catalog_yaml(catalog_yaml);
  manifest.set_readout(v1::READOUT_LIKELIHOOD);
  manifest.mutable_create_time()->set_seconds(1764000000);
  manifest.mutable_heads()->set_kind(static_cast<v1::HeadsKind>(kind));
  manifest.mutable_heads()->set_exploration_floor(sizes.exploration_floor);
  auto* encoder = manifest.mutable_encoder();
  encoder->set_embedding_dim(sizes.embedding_dim);
  encoder->set_recency_decay(0.9F);
  encoder->set_max_history(sizes.max_history);
  encoder->set_option_embedding_dim(sizes.option_embedding_dim);
  if (kind != policy::HeadsKind::kUniform) {
    manifest.mutable_heads()->set_hidden(sizes.hidden);
    manifest.mutable_heads()->set_score_dim(sizes.score_dim);
    encoder->set_ngram_buckets(sizes.ngram_buckets);
    encoder->set_gru_hidden(sizes.gru_hidden);
    AddSampleItemTable(sizes, rng, parts);
    if (sizes.ngram_buckets > 0) {
      parts.tensors.push_back(
          RandomTensor("ngram_weights",
                       {sizes.ngram_buckets, sizes.embedding_dim}, 1.0F, rng));
    }
    const auto catalog = policy::Catalog::Parse(catalog_yaml);
    // Without a catalog there are no heads; EncodeRevision says what is wrong.
    if (catalog.ok()) AddRandomHeads(**catalog, kind, sizes, rng, parts);
  }
  parts.golden_inputs = {{SampleHistory(5), SampleCandidates(10), seed},
                         {SampleHistory(1), SampleItems(1000, 3), seed + 1}};
  return parts;
}

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TESTING_POLICY_BUILDERS_H_
