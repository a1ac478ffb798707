// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_GROWN_CATALOG_H_
#define ATTUNE_POLICY_GROWN_CATALOG_H_

// A catalog with further options. Options are appended to their pattern, so
// that every option keeps its index and samples of the smaller catalog stay
// valid; the digest is another one.
//
// Pure functions; safe to call from any thread.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/catalog.h"

namespace attune::policy {

// An option that was rewritten from another.
struct AddedOption {
  int pattern = 0;
  // Index of the option whose settings and answer contracts it takes over; only
  // the sentence differs.
  int parent = 0;
  std::string text;
  // Its `parent` is filled in by GrowCatalog.
  Lineage lineage;
};

// `catalog` with the options, in order. The new ones are called
// "<parent's id>_r<n>", n being the first number that is free. The YAML keeps
// every value of the old one, but not its comments.
//
// kInvalidArgument as Catalog::Parse; REQUIRES: patterns and parents that are
// there, of a kind other than kHistory.
absl::StatusOr<std::shared_ptr<const Catalog>> GrowCatalog(
    const Catalog& catalog, absl::Span<const AddedOption> options);

// The parents of each pattern's options beyond the first `counts[k]`, by
// index. REQUIRES: a catalog that was grown from one with those counts.
std::vector<std::vector<int>> ParentsOfAdded(const Catalog& catalog,
                                             absl::Span<const int> counts);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_GROWN_CATALOG_H_
