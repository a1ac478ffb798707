// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/revision_policy.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/item_proto.h"
#include "policy/names.h"
#include "policy/revision_layout.h"
#include "policy/status_macros.h"

namespace attune::policy::revision_internal {
namespace {

constexpr size_t kMaxCatalogBytes = 256 * 1024;
constexpr int kMaxDim = 1024;
constexpr int kMaxHidden = 4096;
constexpr int kMaxNgramBuckets = 65536;
constexpr float kTolerance = 1e-4F;
// Genres of a row, joined.
constexpr int kMaxJoinedGenresBytes = kMaxGenres * (kMaxGenreBytes + 1);

absl::Status Invalid(const std::string& what) {
  return absl::InvalidArgumentError(what);
}

absl::Status CheckRange(const char* field, int64_t value, int64_t low,
                        int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return Invalid(absl::StrCat(field, ": must be in [", low, ", ", high, "]"));
}

absl::Status CheckEncoder(const v1::EncoderSettings& s) {
  ATTUNE_RETURN_IF_ERROR(
      CheckRange("encoder.embedding_dim", s.embedding_dim(), 1, kMaxDim));
  ATTUNE_RETURN_IF_ERROR(
      CheckRange("encoder.max_history", s.max_history(), 1, kMaxHistoryItems));
  ATTUNE_RETURN_IF_ERROR(CheckRange("encoder.ngram_buckets", s.ngram_buckets(),
                                    0, kMaxNgramBuckets));
  ATTUNE_RETURN_IF_ERROR(
      CheckRange("encoder.gru_hidden", s.gru_hidden(), 0, kMaxDim));
  ATTUNE_RETURN_IF_ERROR(CheckRange("encoder.option_embedding_dim",
                                    s.option_embedding_dim(), 1, kMaxDim));
  const auto buckets = static_cast<uint32_t>(s.ngram_buckets());
  if (buckets != 0 && !std::has_single_bit(buckets)) {
    return Invalid("encoder.ngram_buckets: must be 0 or a power of two");
  }
  if (!(s.recency_decay() > 0.0F && s.recency_decay() <= 1.0F)) {
    return Invalid("encoder.recency_decay: must be in (0, 1]");
  }
  return absl::OkStatus();
}

absl::Status CheckHeads(const v1::HeadsSettings& s) {
  ATTUNE_RETURN_IF_ERROR(CheckRange("heads.kind", s.kind(),
                                    v1::HEADS_KIND_UNIFORM,
                                    v1::HEADS_KIND_AUTOREGRESSIVE));
  const bool uniform = s.kind() == v1::HEADS_KIND_UNIFORM;
  const int low = uniform ? 0 : 1;
  ATTUNE_RETURN_IF_ERROR(
      CheckRange("heads.hidden", s.hidden(), low, uniform ? 0 : kMaxHidden));
  ATTUNE_RETURN_IF_ERROR(
      CheckRange("heads.score_dim", s.score_dim(), low, uniform ? 0 : kMaxDim));
  if (!(s.exploration_floor() >= 0.0F && s.exploration_floor() <= 1.0F)) {
    return Invalid("heads.exploration_floor: must be in [0, 1]");
  }
  return absl::OkStatus();
}

absl::Status CheckManifest(const v1::RevisionManifest& manifest) {
  if (manifest.format_version() != 1) {
    return Invalid("format_version: must be 1");
  }
  if (!IsName(manifest.policy())) {
    return Invalid(absl::StrCat("policy: must match ", kNamePattern));
  }
  if (!manifest.parent_revision().empty() &&
      !IsName(manifest.parent_revision())) {
    return Invalid(absl::StrCat("parent_revision: must match ", kNamePattern));
  }
  if (!manifest.has_create_time()) return Invalid("create_time: missing");
  ATTUNE_RETURN_IF_ERROR(CheckRange("readout", manifest.readout(),
                                    v1::READOUT_GENERATE,
                                    v1::READOUT_LIKELIHOOD));
  ATTUNE_RETURN_IF_ERROR(CheckEncoder(manifest.encoder()));
  return CheckHeads(manifest.heads());
}

absl::StatusOr<std::shared_ptr<const Catalog>> MakeCatalog(
    const v1::RevisionManifest& manifest) {
  if (manifest.catalog_yaml().size() > kMaxCatalogBytes) {
    return Invalid(
        absl::StrCat("catalog_yaml: ", manifest.catalog_yaml().size(),
                     " bytes, at most ", kMaxCatalogBytes));
  }
  if (Sha256Hex(manifest.catalog_yaml()) != manifest.catalog_digest()) {
    return Invalid("catalog_digest: does not match catalog_yaml");
  }
  return Catalog::Parse(manifest.catalog_yaml());
}

absl::Status CheckItemValues(const StringTable& ids,
                             const MatrixView& popularity) {
  if (popularity.minCoeff() < 0.0F || popularity.maxCoeff() > 1.0F) {
    return Invalid("tensor item_popularity: entries must be in [0, 1]");
  }
  for (int64_t i = 0; i < ids.size(); ++i) {
    if (i == 0 ? ids[0].empty() : ids[i - 1] >= ids[i]) {
      return Invalid(absl::StrCat("string table item_ids: string ", i,
                                  " is empty or not above the one before"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ItemTable> MakeItemTable(
    int dim, std::optional<ItemTable::Derived> derived, PayloadReader& reader) {
  if (!reader.HasTensor("item_embeddings")) return ItemTable();
  ATTUNE_ASSIGN_OR_RETURN(const MatrixView embeddings,
                          reader.Tensor("item_embeddings", -1, dim));
  const int64_t n = embeddings.rows();
  ATTUNE_ASSIGN_OR_RETURN(const MatrixView popularity,
                          reader.Tensor("item_popularity", n, 1));
  ATTUNE_ASSIGN_OR_RETURN(const StringTable ids,
                          reader.Strings("item_ids", n, kMaxIdBytes));
  ATTUNE_ASSIGN_OR_RETURN(const StringTable titles,
                          reader.Strings("item_titles", n, kMaxTitleBytes));
  ATTUNE_ASSIGN_OR_RETURN(
      const StringTable genres,
      reader.Strings("item_genres", n, kMaxJoinedGenresBytes));
  if (!derived.has_value()) {
    ATTUNE_RETURN_IF_ERROR(CheckItemValues(ids, popularity));
    derived = ItemTable::Derive(ids, popularity.data());
  }
  for (const uint32_t row : derived->popular) {
    if (row >= n) return Invalid("receipt: is another table's");
  }
  return ItemTable(ids, titles, genres, embeddings, popularity.data(),
                   *std::move(derived));
}

absl::StatusOr<Gru> MakeGru(const EncoderSettings& settings, bool required,
                            PayloadReader& reader) {
  const int h = settings.gru_hidden;
  if (h == 0 || (!required && !reader.HasTensor("gru.weight_ih"))) return Gru();
  ATTUNE_ASSIGN_OR_RETURN(
      const MatrixView weight_ih,
      reader.Tensor("gru.weight_ih", 3 * h, settings.embedding_dim));
  ATTUNE_ASSIGN_OR_RETURN(const MatrixView weight_hh,
                          reader.Tensor("gru.weight_hh", 3 * h, h));
  ATTUNE_ASSIGN_OR_RETURN(const MatrixView bias_ih,
                          reader.Tensor("gru.bias_ih", 3 * h, 1));
  ATTUNE_ASSIGN_OR_RETURN(const MatrixView bias_hh,
                          reader.Tensor("gru.bias_hh", 3 * h, 1));
  return Gru(weight_ih, weight_hh, bias_ih, bias_hh);
}

absl::StatusOr<HeadWeights> MakeHead(const std::string& pattern, int options,
                                     int inputs, const HeadsSettings& settings,
                                     PayloadReader& reader) {
  const std::string prefix = absl::StrCat("head.", pattern, ".");
  const int hidden = settings.hidden;
  const int m = settings.score_dim;
  ATTUNE_ASSIGN_OR_RETURN(const MatrixView w1,
                          reader.Tensor(prefix + "w1", hidden, inputs));
  ATTUNE_ASSIGN_OR_RETURN(const MatrixView c1,
                          reader.Tensor(prefix + "c1", hidden, 1));
  ATTUNE_ASSIGN_OR_RETURN(const MatrixView w2,
                          reader.Tensor(prefix + "w2", m, hidden));
  ATTUNE_ASSIGN_OR_RETURN(const MatrixView c2,
                          reader.Tensor(prefix + "c2", m, 1));
  ATTUNE_ASSIGN_OR_RETURN(const MatrixView bias,
                          reader.Tensor(prefix + "bias", options, 1));
  return HeadWeights{.w1 = w1, .c1 = c1, .w2 = w2, .c2 = c2, .bias = bias};
}

absl::StatusOr<Actor> MakeActor(const HeadsSettings& settings,
                                const Catalog& catalog,
                                const UserStateEncoder& encoder,
                                const MatrixView& option_embeddings,
                                PayloadReader& reader) {
  std::vector<int> counts = catalog.OptionCounts();
  if (settings.kind == HeadsKind::kUniform) return Actor(std::move(counts));
  const int e = encoder.settings().option_embedding_dim;
  const int inputs = encoder.StateDim() +
                     (settings.kind == HeadsKind::kAutoregressive ? e : 0);
  ATTUNE_ASSIGN_OR_RETURN(
      const MatrixView projection,
      reader.Tensor("option_projection", settings.score_dim, e));
  std::vector<HeadWeights> heads;
  heads.reserve(counts.size());
  for (size_t k = 0; k < counts.size(); ++k) {
    ATTUNE_ASSIGN_OR_RETURN(
        HeadWeights head, MakeHead(catalog.patterns[k].name, counts[k], inputs,
                                   settings, reader));
    heads.push_back(head);
  }
  return Actor(settings, std::move(counts), std::move(heads), option_embeddings,
               projection);
}

EncoderSettings EncoderFromProto(const v1::EncoderSettings& s) {
  return {.embedding_dim = s.embedding_dim(),
          .recency_decay = s.recency_decay(),
          .max_history = s.max_history(),
          .ngram_buckets = s.ngram_buckets(),
          .gru_hidden = s.gru_hidden(),
          .option_embedding_dim = s.option_embedding_dim()};
}

HeadsSettings HeadsFromProto(const v1::HeadsSettings& s) {
  return {.kind = static_cast<HeadsKind>(s.kind()),
          .hidden = s.hidden(),
          .score_dim = s.score_dim(),
          .exploration_floor = s.exploration_floor()};
}

absl::Status Compare(const google::protobuf::RepeatedField<float>& want,
                     const google::protobuf::RepeatedField<float>& got,
                     const char* field) {
  if (want.size() != got.size()) {
    return Invalid(absl::StrCat(field, " must have ", got.size(), " entries"));
  }
  for (int i = 0; i < want.size(); ++i) {
    if (std::abs(want[i] - got[i]) <= kTolerance) continue;
    return Invalid(
        absl::StrCat(field, "[", i, "] differs by more than ", kTolerance));
  }
  return absl::OkStatus();
}

absl::Status Compare(const v1::GoldenVector& want,
                     const v1::GoldenVector& got) {
  ATTUNE_RETURN_IF_ERROR(Compare(want.state(), got.state(), "state"));
  if (!std::equal(want.options().begin(), want.options().end(),
                  got.options().begin(), got.options().end())) {
    return Invalid("options differ");
  }
  ATTUNE_RETURN_IF_ERROR(
      Compare(want.probabilities(), got.probabilities(), "probabilities"));
  if (want.prompt_sha256() == got.prompt_sha256()) return absl::OkStatus();
  return Invalid("prompt differs");
}

absl::Status ReplayGoldenVector(const Policy& policy,
                                const v1::GoldenVector& want) {
  ATTUNE_ASSIGN_OR_RETURN(
      const v1::GoldenVector got,
      MakeGoldenVector(policy, ItemsFromProto(want.history()),
                       ItemsFromProto(want.candidates()), want.seed()));
  return Compare(want, got);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Policy>> MakePolicy(
    const v1::RevisionManifest& manifest, std::string_view payload,
    std::optional<ItemTable::Derived> derived) {
  ATTUNE_RETURN_IF_ERROR(CheckManifest(manifest));
  ATTUNE_ASSIGN_OR_RETURN(std::shared_ptr<const Catalog> catalog,
                          MakeCatalog(manifest));
  ATTUNE_ASSIGN_OR_RETURN(PayloadReader reader,
                          PayloadReader::Create(manifest, payload));
  if (derived.has_value()) reader.TrustItems();
  const EncoderSettings settings = EncoderFromProto(manifest.encoder());
  const HeadsSettings heads = HeadsFromProto(manifest.heads());
  const bool trained = heads.kind != HeadsKind::kUniform;
  ATTUNE_ASSIGN_OR_RETURN(
      ItemTable items,
      MakeItemTable(settings.embedding_dim, std::move(derived), reader));
  const MatrixView none(nullptr, 0, 0);
  auto ngrams = settings.ngram_buckets == 0
                    ? absl::StatusOr<MatrixView>(none)
                    : reader.Tensor("ngram_weights", settings.ngram_buckets,
                                    settings.embedding_dim);
  ATTUNE_RETURN_IF_ERROR(ngrams.status());
  auto options =
      trained || reader.HasTensor("option_embeddings")
          ? reader.Tensor("option_embeddings", catalog->TotalOptions(),
                          settings.option_embedding_dim)
          : absl::StatusOr<MatrixView>(none);
  ATTUNE_RETURN_IF_ERROR(options.status());
  ATTUNE_ASSIGN_OR_RETURN(Gru gru, MakeGru(settings, trained, reader));
  UserStateEncoder encoder(settings, items, *ngrams, *options, gru);
  ATTUNE_ASSIGN_OR_RETURN(
      Actor actor, MakeActor(heads, *catalog, encoder, *options, reader));
  ATTUNE_RETURN_IF_ERROR(reader.CheckAllUsed());
  return std::make_unique<const Policy>(
      std::move(catalog), std::move(encoder), std::move(actor),
      static_cast<Readout>(manifest.readout()));
}

absl::StatusOr<v1::GoldenVector> MakeGoldenVector(
    const Policy& policy, absl::Span<const Item> history,
    absl::Span<const Item> candidates, uint64_t seed) {
  ATTUNE_ASSIGN_OR_RETURN(
      const Decision decision,
      policy.Decide(
          {.history = history, .candidates = candidates, .seed = seed}));
  v1::GoldenVector golden;
  ItemsToProto(history, golden.mutable_history());
  ItemsToProto(candidates, golden.mutable_candidates());
  golden.set_seed(seed);
  const Eigen::VectorXf& state = decision.state.features;
  golden.mutable_state()->Add(state.data(), state.data() + state.size());
  for (const PatternChoice& chosen : decision.choice.patterns) {
    golden.add_options(chosen.option);
    golden.add_probabilities(chosen.probability);
  }
  golden.set_prompt_sha256(Sha256(decision.prompt.CanonicalBytes()));
  return golden;
}

absl::Status ReplayGoldenVectors(const Policy& policy,
                                 const v1::RevisionManifest& manifest) {
  if (manifest.golden_vectors().empty() &&
      manifest.heads().kind() != v1::HEADS_KIND_UNIFORM) {
    return Invalid("golden_vectors: at least 1");
  }
  for (int i = 0; i < manifest.golden_vectors_size(); ++i) {
    const absl::Status status =
        ReplayGoldenVector(policy, manifest.golden_vectors(i));
    if (status.ok()) continue;
    return Invalid(absl::StrCat("golden vector ", i, ": ", status.message()));
  }
  return absl::OkStatus();
}

}  // namespace attune::policy::revision_internal
