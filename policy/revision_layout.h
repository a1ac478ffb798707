// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_REVISION_LAYOUT_H_
#define ATTUNE_POLICY_REVISION_LAYOUT_H_

// The bytes of a revision (docs/revision_format.md): the envelope around
// manifest and payload, and the descriptors that say where in the payload
// things lie. Internal to the codec: use revision.h.
//
// The writer's output is canonical: no byte of an artifact is unaccounted for.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attune/v1/revision.pb.h"
#include "policy/digest.h"
#include "policy/item_table.h"

namespace attune::policy::revision_internal {

inline constexpr std::string_view kMagic = "ATTUNEV1";
inline constexpr uint64_t kAlignment = 64;
inline constexpr uint64_t kMaxManifestBytes = 512 * 1024;

constexpr uint64_t AlignUp(uint64_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

// An artifact taken apart. The payload is a view into the artifact.
struct Envelope {
  v1::RevisionManifest manifest;
  std::string_view payload;
  // SHA-256 of the whole artifact, 64 lower-case hexadecimal digits.
  std::string digest;
};

// Verifies checksum, sizes and padding and parses the manifest; looks at none
// of its fields. kInvalidArgument says which part is wrong.
absl::StatusOr<Envelope> OpenEnvelope(std::string_view artifact,
                                      const DigestProgress& progress = {});

// The same without the checksum, for bytes whose digest is known. `head_digest`
// is the SHA-256 of what comes before the payload: kInvalidArgument if another.
absl::StatusOr<Envelope> OpenKnownEnvelope(std::string_view artifact,
                                           std::string_view digest,
                                           std::string_view head_digest);

// The head_digest of an artifact.
absl::StatusOr<std::string> HeadDigest(std::string_view artifact);

// The whole artifact. kInvalidArgument if the manifest is too large.
absl::StatusOr<std::string> SealEnvelope(const v1::RevisionManifest& manifest,
                                         std::string_view payload);

// Hands out views of a payload's tensors and string tables and remembers which
// were asked for. `payload` must outlive the reader and its views; it must
// begin at a multiple of 64 in memory. Not thread-safe; owned by the loading
// thread.
class PayloadReader {
 public:
  // Verifies every descriptor against the payload's size.
  static absl::StatusOr<PayloadReader> Create(
      const v1::RevisionManifest& manifest, std::string_view payload);

  // From now on what belongs to the item table, whose names begin with "item_",
  // is taken as it is: shapes are checked, values are not read.
  void TrustItems() { trusts_items_ = true; }

  bool HasTensor(std::string_view name) const;
  // [rows, cols], finite. rows of -1 takes any number. A tensor of one
  // dimension has one column. kInvalidArgument if it is missing or has another
  // shape.
  absl::StatusOr<MatrixView> Tensor(const std::string& name, int64_t rows,
                                    int64_t cols);
  // `size` strings of valid UTF-8, at most `max_bytes` each.
  absl::StatusOr<StringTable> Strings(const std::string& name, int64_t size,
                                      int max_bytes);
  // kInvalidArgument if something was never asked for.
  absl::Status CheckAllUsed() const;

 private:
  struct Entry {
    int64_t rows = 0;
    int64_t cols = 0;
    const char* data = nullptr;
    uint64_t byte_size = 0;
    int index = 0;
    bool used = false;
  };
  using Entries = absl::flat_hash_map<std::string, Entry>;

  // Both advance `end`, the offset after what was placed last.
  absl::Status AddTensor(const v1::TensorDescriptor& descriptor, int index,
                         std::string_view payload, uint64_t& end);
  absl::Status AddStrings(const v1::StringTableDescriptor& descriptor,
                          int index, std::string_view payload, uint64_t& end);

  bool Trusts(std::string_view name) const;

  bool trusts_items_ = false;
  Entries tensors_;
  Entries strings_;
};

}  // namespace attune::policy::revision_internal

#endif  // ATTUNE_POLICY_REVISION_LAYOUT_H_
