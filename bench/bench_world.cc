// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "bench/bench_world.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "policy/random.h"
#include "policy/revision.h"
#include "tests/testing/policy_builders.h"

namespace attune::bench {
namespace {

constexpr uint64_t kSeed = 20261124;
constexpr int kRequests = 64;
constexpr int kManyRequests = 4096;
constexpr int kManyItems = 100000;

// The trainer's sizes (trainer/actor_network.h).
constexpr testing::RevisionSizes kSizes = {
    .embedding_dim = 64,
    .ngram_buckets = 4096,
    .gru_hidden = 0,
    .option_embedding_dim = 64,
    .hidden = 64,
    .score_dim = 32,
    .scale = 0.2F,
};

policy::Item MakeItem(int index) {
  static constexpr const char* kNouns[] = {"River", "Letter", "Stranger",
                                           "Winter", "Harbour"};
  static constexpr const char* kGenres[] = {"Comedy", "Drama", "Thriller"};
  char id[16];
  std::snprintf(id, sizeof(id), "%08d", index);
  return {.id = id,
          .title = std::string("The ") + kNouns[index % 5] + " of " +
                   std::to_string(index) + " (" +
                   std::to_string(1930 + index % 70) + ")",
          .genres = {kGenres[index % 3], "Adventure"},
          .weight = static_cast<float>(1 + index % 5),
          .interact_seconds = 880000000 + 3600 * index};
}

// `count` distinct items.
std::vector<policy::Item> Draw(int count, int items, policy::Rng& rng) {
  std::vector<policy::Item> drawn;
  // A prime step: unless it divides the number of items, none is repeated.
  const int64_t step = items > kManyItems ? 331337 : 331;
  const auto first = rng.Below(static_cast<uint32_t>(items));
  for (int i = 0; i < count; ++i) {
    drawn.push_back(MakeItem(static_cast<int>((first + i * step) % items)));
  }
  return drawn;
}

void ReplaceItemTable(const BenchWorld& world, policy::RevisionParts& parts) {
  const int items = world.items;
  policy::Rng rng(kSeed);
  policy::NamedStrings ids{"item_ids", {}};
  policy::NamedStrings titles{"item_titles", {}};
  policy::NamedStrings genres{"item_genres", {}};
  std::vector<float> popularity;
  for (int i = 0; i < items; ++i) {
    const policy::Item item = MakeItem(i);
    ids.values.push_back(item.id);
    titles.values.push_back(item.title);
    genres.values.push_back(item.genres[0] + "|" + item.genres[1]);
    popularity.push_back(rng.UnitFloat());
  }
  parts.strings = {std::move(ids), std::move(titles), std::move(genres)};
  for (policy::NamedTensor& tensor : parts.tensors) {
    if (tensor.name == "item_embeddings") {
      tensor = testing::RandomTensor(tensor.name, {items, world.embedding_dim},
                                     0.2F, rng);
    } else if (tensor.name == "item_popularity") {
      tensor = {tensor.name, {items}, popularity};
    }
  }
}

std::string MoviesCatalog() {
  std::ifstream in(ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml");
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

std::vector<BenchRequest> BenchRequests(int items) {
  policy::Rng rng(kSeed);
  std::vector<BenchRequest> requests;
  const int count = items > kManyItems ? kManyRequests : kRequests;
  for (int i = 0; i < count; ++i) {
    BenchRequest request{Draw(kHistoryItems, items, rng),
                         Draw(kCandidates, items, rng)};
    for (policy::Item& item : request.candidates) {
      item.weight = 0.0F;
      item.interact_seconds.reset();
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

std::string BenchArtifact(policy::HeadsKind kind, const BenchWorld& world) {
  testing::RevisionSizes sizes = kSizes;
  sizes.hidden = world.hidden;
  sizes.embedding_dim = world.embedding_dim;
  auto parts = testing::MakeRevisionParts(MoviesCatalog(), kind, kSeed, sizes);
  ReplaceItemTable(world, parts);
  const BenchRequest golden = BenchRequests(world.items).front();
  parts.golden_inputs = {{golden.history, golden.candidates, kSeed}};
  auto artifact = policy::EncodeRevision(std::move(parts));
  if (artifact.ok()) return *std::move(artifact);
  std::fprintf(stderr, "cannot make a revision: %s\n",
               artifact.status().ToString().c_str());
  std::abort();
}

}  // namespace attune::bench
