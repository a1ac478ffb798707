// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/export.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/text_features.h"

namespace attune::trainer {
namespace {

using policy::HintSource;
using policy::HistorySelection;
using policy::NamedTensor;
using policy::Option;
using policy::Pattern;
using policy::PatternKind;

const char* SelectionWords(HistorySelection selection) {
  switch (selection) {
    case HistorySelection::kMostRecent:
      return "most recent";
    case HistorySelection::kHeaviest:
      return "heaviest";
    case HistorySelection::kNearest:
      return "nearest to the candidates";
  }
  return "";
}

const char* HintWords(HintSource source) {
  switch (source) {
    case HintSource::kNone:
      return "none";
    case HintSource::kCandidates:
      return "candidates by collaborative score";
    case HintSource::kNeighbours:
      return "neighbours in the catalog";
    case HintSource::kGenres:
      return "genres of the history";
  }
  return "";
}

// What the option is, in words. Options of different patterns never share a
// text, so that equal sentences do not share an embedding by accident.
std::string Describe(const Pattern& pattern, const Option& option) {
  std::string words = absl::StrCat(pattern.name, " ", option.id, ". ");
  switch (pattern.kind) {
    case PatternKind::kHistory:
      absl::StrAppend(&words, option.history_length, " ",
                      SelectionWords(option.selection), " items");
      break;
    case PatternKind::kHint:
      absl::StrAppend(&words, option.hint_count, " ", HintWords(option.hint),
                      ". ", option.text);
      break;
    case PatternKind::kFormat:
      absl::StrAppend(&words, option.text, " ", option.generate_contract, " ",
                      option.likelihood_primer);
      break;
    case PatternKind::kSentence:
      absl::StrAppend(&words, option.text);
      break;
  }
  return words;
}

v1::RevisionManifest MakeManifest(const ExportSettings& settings) {
  v1::RevisionManifest manifest;
  manifest.set_policy(settings.policy_name);
  manifest.set_catalog_yaml(settings.catalog->yaml);
  manifest.set_readout(static_cast<v1::Readout>(settings.readout));
  manifest.mutable_create_time()->set_seconds(settings.created_seconds);
  *manifest.mutable_training() = settings.facts;
  v1::EncoderSettings& encoder = *manifest.mutable_encoder();
  encoder.set_embedding_dim(settings.encoder.embedding_dim);
  encoder.set_recency_decay(settings.encoder.recency_decay);
  encoder.set_max_history(settings.encoder.max_history);
  encoder.set_ngram_buckets(settings.encoder.ngram_buckets);
  encoder.set_gru_hidden(settings.encoder.gru_hidden);
  encoder.set_option_embedding_dim(settings.encoder.option_embedding_dim);
  v1::HeadsSettings& heads = *manifest.mutable_heads();
  heads.set_kind(static_cast<v1::HeadsKind>(settings.heads.kind));
  heads.set_hidden(settings.heads.hidden);
  heads.set_score_dim(settings.heads.score_dim);
  heads.set_exploration_floor(settings.heads.exploration_floor);
  return manifest;
}

}  // namespace

policy::NamedTensor ToTensor(std::string name,
                             const policy::RowMajorMatrix& matrix) {
  return {.name = std::move(name),
          .shape = {matrix.rows(), matrix.cols()},
          .values = {matrix.data(), matrix.data() + matrix.size()}};
}

policy::RowMajorMatrix OptionEmbeddings(const policy::Catalog& catalog,
                                        int dim) {
  policy::RowMajorMatrix embeddings(catalog.TotalOptions(), dim);
  int row = 0;
  for (const Pattern& pattern : catalog.patterns) {
    for (const Option& option : pattern.options) {
      embeddings.row(row++) =
          policy::SentenceEmbedding(Describe(pattern, option), dim);
    }
  }
  return embeddings;
}

namespace {

policy::RevisionParts PartsOf(const ExportSettings& settings,
                              absl::Span<const policy::NamedTensor> agents) {
  policy::RevisionParts parts;
  parts.manifest = MakeManifest(settings);
  parts.tensors = settings.items->tensors;
  parts.strings = settings.items->strings;
  parts.tensors.push_back(
      ToTensor("option_embeddings",
               OptionEmbeddings(*settings.catalog,
                                settings.encoder.option_embedding_dim)));
  parts.tensors.insert(parts.tensors.end(), agents.begin(), agents.end());
  return parts;
}

}  // namespace

absl::StatusOr<std::string> MakeRevision(
    const ExportSettings& settings,
    absl::Span<const policy::NamedTensor> agents,
    absl::Span<const Task> golden) {
  policy::RevisionParts parts = PartsOf(settings, agents);
  uint64_t seed = 0;
  for (const Task& task : golden) {
    parts.golden_inputs.push_back({.history = task.history,
                                   .candidates = task.candidates,
                                   .seed = ++seed});
  }
  return policy::EncodeRevision(std::move(parts));
}

RolloutExporter::RolloutExporter(const ExportSettings& settings)
    : common_(PartsOf(settings, {})) {}

absl::StatusOr<std::shared_ptr<const policy::Policy>> RolloutExporter::PolicyOf(
    absl::Span<const policy::NamedTensor> agents) const {
  policy::RevisionParts parts = common_;
  parts.tensors.insert(parts.tensors.end(), agents.begin(), agents.end());
  return policy::PolicyOf(std::move(parts));
}

}  // namespace attune::trainer
