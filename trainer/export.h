// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_EXPORT_H_
#define ATTUNE_TRAINER_EXPORT_H_

// Puts a revision together: the catalog, what is known of items, and the
// agents' tensors. The training loop rolls out on revisions made here, so that
// training acts exactly as serving will.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/catalog.h"
#include "policy/item_table.h"
#include "policy/revision.h"
#include "trainer/environment.h"
#include "trainer/item_features.h"

namespace attune::trainer {

// Everything that stays the same from round to round.
struct ExportSettings {
  std::shared_ptr<const policy::Catalog> catalog;
  // ^[a-z0-9][a-z0-9_-]{0,62}$
  std::string policy_name = "default";
  policy::Readout readout = policy::Readout::kLikelihood;
  policy::EncoderSettings encoder;
  policy::HeadsSettings heads;
  // Items, their embeddings and the fallback; must outlive the calls.
  const ItemFeatures* items = nullptr;
  v1::TrainingFacts facts;
  // Seconds since the epoch that the manifest states as its creation.
  int64_t created_seconds = 0;
};

// A tensor [rows, cols].
policy::NamedTensor ToTensor(std::string name,
                             const policy::RowMajorMatrix& matrix);

// e(option) of every option of the catalog, [total options, dim]: the sentence
// embedding of the option's text, or of its settings in words if it has none.
policy::RowMajorMatrix OptionEmbeddings(const policy::Catalog& catalog,
                                        int dim);

// The artifact's bytes. `agents` are Learner::ExportTensors(); empty if the
// heads are uniform. Golden vectors are made from `golden`, at least one unless
// the heads are uniform. Errors of policy::EncodeRevision.
absl::StatusOr<std::string> MakeRevision(
    const ExportSettings& settings,
    absl::Span<const policy::NamedTensor> agents,
    absl::Span<const Task> golden);

// Makes the policies of a run's rounds: what MakeRevision's artifact would
// hold, without the artifact (policy::PolicyOf). What stays the same from round
// to round is made once. Thread-compatible.
class RolloutExporter {
 public:
  explicit RolloutExporter(const ExportSettings& settings);

  // Errors of policy::PolicyOf.
  absl::StatusOr<std::shared_ptr<const policy::Policy>> PolicyOf(
      absl::Span<const policy::NamedTensor> agents) const;

 private:
  policy::RevisionParts common_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_EXPORT_H_
