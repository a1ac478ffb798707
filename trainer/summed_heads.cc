// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/summed_heads.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/catalog.h"
#include "policy/status_macros.h"
#include "trainer/export.h"

namespace attune::trainer {
namespace {

using policy::NamedTensor;
using policy::RevisionParts;
using policy::RowMajorMatrix;

NamedTensor* Find(RevisionParts& parts, const std::string& name) {
  const auto at =
      std::find_if(parts.tensors.begin(), parts.tensors.end(),
                   [&](const NamedTensor& t) { return t.name == name; });
  return at == parts.tensors.end() ? nullptr : &*at;
}

// A tensor of one dimension is a column.
RowMajorMatrix MatrixOf(const NamedTensor& tensor) {
  const int64_t rows = tensor.shape[0];
  return Eigen::Map<const RowMajorMatrix>(
      tensor.values.data(), rows,
      static_cast<int64_t>(tensor.values.size()) / rows);
}

void Add(std::string name, const RowMajorMatrix& matrix, RevisionParts& parts) {
  parts.tensors.push_back(ToTensor(std::move(name), matrix));
}

// How a tensor of the linear heads joins the parent's.
RowMajorMatrix Joined(const std::string& name, const RowMajorMatrix& a,
                      const RowMajorMatrix& b) {
  const std::string part = name.substr(name.rfind('.') + 1);
  if (part == "c2" || part == "bias") return a + b;
  const bool columns = part == "w2";
  RowMajorMatrix joined(a.rows() + (columns ? 0 : b.rows()),
                        a.cols() + (columns ? b.cols() : 0));
  joined.topLeftCorner(a.rows(), a.cols()) = a;
  joined.bottomRightCorner(b.rows(), b.cols()) = b;
  return joined;
}

// What the heads of a revision without weights are made of. A GRU of zeros says
// nothing of a previous ranking, as none did.
void GiveHeads(const policy::Catalog& catalog, RevisionParts& parts) {
  const NetworkSpec spec;
  v1::HeadsSettings& heads = *parts.manifest.mutable_heads();
  heads.set_kind(v1::HEADS_KIND_AUTOREGRESSIVE);
  heads.set_score_dim(spec.heads.score_dim);
  const v1::EncoderSettings& encoder = parts.manifest.encoder();
  if (Find(parts, "option_embeddings") == nullptr) {
    Add("option_embeddings",
        OptionEmbeddings(catalog, encoder.option_embedding_dim()), parts);
  }
  const int h = encoder.gru_hidden();
  if (h == 0 || Find(parts, "gru.weight_ih") != nullptr) return;
  Add("gru.weight_ih", RowMajorMatrix::Zero(3 * h, encoder.embedding_dim()),
      parts);
  Add("gru.weight_hh", RowMajorMatrix::Zero(3 * h, h), parts);
  Add("gru.bias_ih", RowMajorMatrix::Zero(3 * h, 1), parts);
  Add("gru.bias_hh", RowMajorMatrix::Zero(3 * h, 1), parts);
}

NetworkSpec SpecFor(const policy::Catalog& catalog,
                    const v1::RevisionManifest& manifest,
                    const LinearScores& scores, RowMajorMatrix embeddings) {
  NetworkSpec spec{.state_dim = static_cast<int>(scores.state.cols()),
                   .options_per_pattern = catalog.OptionCounts(),
                   .option_embeddings = std::move(embeddings)};
  for (const policy::Pattern& pattern : catalog.patterns) {
    spec.patterns.push_back(pattern.name);
  }
  const int most = *std::max_element(spec.options_per_pattern.begin(),
                                     spec.options_per_pattern.end());
  spec.heads.kind = static_cast<policy::HeadsKind>(manifest.heads().kind());
  spec.heads.hidden = 2 * most;
  spec.heads.score_dim = manifest.heads().score_dim();
  return spec;
}

// A request to make a golden vector of, for a parent without any.
RevisionParts::GoldenInput MadeUpRequest() {
  constexpr int kItems = 3;
  RevisionParts::GoldenInput golden{.seed = 1};
  for (int i = 0; i < kItems; ++i) {
    const std::string name = absl::StrCat("item ", i);
    golden.history.push_back({.id = name, .title = name});
    golden.candidates.push_back(
        {.id = absl::StrCat("candidate ", i), .title = name});
  }
  return golden;
}

void Describe(const ChildFacts& facts, v1::RevisionManifest& manifest) {
  manifest.set_parent_revision(facts.parent_revision);
  *manifest.mutable_training() = facts.training;
  manifest.mutable_create_time()->set_seconds(facts.created_seconds);
  manifest.mutable_create_time()->set_nanos(0);
  if (facts.exploration_floor >= 0.0) {
    manifest.mutable_heads()->set_exploration_floor(
        static_cast<float>(facts.exploration_floor));
  }
}

}  // namespace

absl::StatusOr<RevisionParts> AddScores(RevisionParts parts,
                                        const LinearScores& scores,
                                        const ChildFacts& facts) {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto catalog,
      policy::Catalog::Parse(parts.manifest.catalog_yaml()));
  const bool fresh = parts.manifest.heads().kind() == v1::HEADS_KIND_UNIFORM;
  if (fresh) GiveHeads(*catalog, parts);
  if (parts.golden_inputs.empty()) {
    parts.golden_inputs.push_back(MadeUpRequest());
  }
  const NamedTensor* embeddings = Find(parts, "option_embeddings");
  const NamedTensor* projection = Find(parts, "option_projection");
  if (embeddings == nullptr || (projection == nullptr && !fresh)) {
    return absl::InvalidArgumentError("the parent lacks its option tensors");
  }
  const NetworkSpec spec =
      SpecFor(*catalog, parts.manifest, scores, MatrixOf(*embeddings));
  const std::vector<NamedTensor> added =
      fresh ? LinearHeads(spec, scores)
            : LinearHeads(spec, scores, MatrixOf(*projection).cast<double>());
  for (const NamedTensor& tensor : added) {
    NamedTensor* const old = Find(parts, tensor.name);
    if (old == nullptr && !fresh) {
      return absl::InvalidArgumentError(
          absl::StrCat("the parent lacks the tensor ", tensor.name));
    }
    if (fresh) {
      parts.tensors.push_back(tensor);
    } else if (tensor.name != "option_projection") {
      *old = ToTensor(tensor.name,
                      Joined(tensor.name, MatrixOf(*old), MatrixOf(tensor)));
    }
  }
  v1::HeadsSettings& heads = *parts.manifest.mutable_heads();
  heads.set_hidden((fresh ? 0 : heads.hidden()) + spec.heads.hidden);
  Describe(facts, parts.manifest);
  return parts;
}

}  // namespace attune::trainer
