// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_REVISION_H_
#define ATTUNE_POLICY_REVISION_H_

// The codec of revisions: immutable trained artifacts. docs/revision_format.md
// specifies the bytes:
//   "ATTUNEV1" | u64 manifest size | manifest (v1::RevisionManifest) | zero
//   padding to 64 | payload (little-endian float32 tensors, string tables) |
//   SHA-256 of everything before it
//
// Nothing in a revision is executable. Loading verifies the checksum, every
// descriptor against the payload's size, every shape against the catalog and
// the settings, every float for finiteness, and the golden vectors.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "attune/v1/revision.pb.h"
#include "policy/digest.h"
#include "policy/policy.h"

namespace attune::policy {

// A tensor to be written. Row-major.
struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

struct NamedStrings {
  std::string name;
  std::vector<std::string> values;
};

// What a revision is made of. Tensor names: "item_embeddings" [N, d],
// "item_popularity" [N], "ngram_weights" [buckets, d], "option_embeddings"
// [options, e], "option_projection" [m, e], "head.<pattern>.*" (actor.h),
// "gru.weight_ih", "gru.weight_hh", "gru.bias_ih", "gru.bias_hh". String
// tables: "item_ids" (ascending), "item_titles", "item_genres" (joined by '|').
struct RevisionParts {
  // Descriptors and golden vectors are filled in by EncodeRevision.
  v1::RevisionManifest manifest;
  std::vector<NamedTensor> tensors;
  std::vector<NamedStrings> strings;
  // Requests from which golden vectors are made.
  struct GoldenInput {
    std::vector<Item> history;
    std::vector<Item> candidates;
    uint64_t seed = 0;
  };
  std::vector<GoldenInput> golden_inputs;
};

// Returns the artifact's bytes. Computes the golden vectors with the policy
// that the parts make, and loads the result once to prove that it can be.
absl::StatusOr<std::string> EncodeRevision(RevisionParts parts);

// The parts of an artifact, golden inputs included: what EncodeRevision was
// given, so that a trainer can go on from it. Errors of Revision::Load.
absl::StatusOr<RevisionParts> DecodeRevision(std::string_view artifact);

// The policy that EncodeRevision's artifact would hold, straight from the
// parts: same verification of settings, catalog and tensors, same code, but
// neither a checksum nor golden vectors. For a trainer's rollouts; never published.
absl::StatusOr<std::shared_ptr<const Policy>> PolicyOf(RevisionParts parts);

// First 16 digits of the SHA-256 (lower-case hex) of an artifact's bytes.
std::string RevisionIdOf(std::string_view artifact);
// The id of the artifact with this digest.
std::string RevisionIdOfDigest(std::string_view digest);
// The 64 digits.
std::string RevisionDigestOf(std::string_view artifact);

// A loaded revision. Immutable; shared as `std::shared_ptr<const Revision>`,
// which keeps the memory that its views point to. Thread-compatible.
class Revision {
 public:
  // Verifies and takes the bytes. kInvalidArgument says what is wrong with
  // which part: "truncated", "digest", "tensor head.hint.w1: ...", "golden
  // vector 2: ...".
  static absl::StatusOr<std::shared_ptr<const Revision>> Load(
      std::string artifact);
  // As Load, from a file that is mapped, not read. kNotFound if there is none.
  // Most of the time goes into the checksum, of which `progress` is told.
  static absl::StatusOr<std::shared_ptr<const Revision>> LoadFile(
      const std::string& path, const DigestProgress& progress = {});
  // As LoadFile, for a file whose verification left a receipt in another file.
  // Reads the manifest and everything that is not the item table, and verifies
  // it again; of the item table it maps what is asked for, so that its size
  // costs no time. Why that may be trusted: the receipt was written after a
  // verification of the whole file, carries its digest, and holds only while
  // the file's size and time of modification are what they were then. It does
  // not see a disk that changes what it stores. Any error: use LoadFile.
  static absl::StatusOr<std::shared_ptr<const Revision>> LoadWithReceipt(
      const std::string& path, const std::string& receipt_path);
  // The receipt's bytes for the file from which LoadFile() made this.
  absl::StatusOr<std::string> MakeReceipt() const;

  // The revision that serves before any was pushed: uniform over a catalog,
  // empty item table, id "uniform-" and 8 digits of the catalog's digest, which
  // is also its digest; no bytes.
  static std::shared_ptr<const Revision> Uniform(
      std::shared_ptr<const Catalog> catalog, Readout readout);

  ~Revision();

  const std::string& id() const;
  const std::string& digest() const;
  int64_t byte_size() const;
  const v1::RevisionManifest& manifest() const;
  const Policy& policy() const;

 private:
  struct Impl;
  explicit Revision(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_REVISION_H_
