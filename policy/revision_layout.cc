// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/revision_layout.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/sanitizer.h"
#include "policy/status_macros.h"

namespace attune::policy::revision_internal {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are used in place and stored little-endian");

constexpr uint64_t kHeaderBytes = kMagic.size() + sizeof(uint64_t);

absl::Status Invalid(const std::string& what) {
  return absl::InvalidArgumentError(what);
}

struct Digests {
  std::string body;   // of everything before the checksum, 32 bytes
  std::string whole;  // of the artifact, 32 bytes
};

// Both in one pass over the bytes, after each piece of which `progress` is told.
Digests DigestsOf(std::string_view artifact, const DigestProgress& progress) {
  constexpr size_t kPieceBytes = 1 << 20;
  Sha256Stream stream;
  std::string_view rest = artifact.substr(0, artifact.size() - kSha256Bytes);
  while (!rest.empty()) {
    const std::string_view piece = rest.substr(0, kPieceBytes);
    stream.Add(piece);
    rest.remove_prefix(piece.size());
    if (progress) progress(static_cast<int64_t>(piece.size()));
  }
  Digests digests{.body = stream.Digest()};
  stream.Add(artifact.substr(artifact.size() - kSha256Bytes));
  digests.whole = stream.Digest();
  return digests;
}

bool AllZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](char c) { return c == '\0'; });
}

bool AllFinite(const float* values, uint64_t n) {
  constexpr uint32_t kExponent = 0x7F800000U;
  uint32_t bad = 0;
  for (uint64_t i = 0; i < n; ++i) {
    bad |= (std::bit_cast<uint32_t>(values[i]) & kExponent) == kExponent;
  }
  return bad == 0;
}

// Whether [offset, offset + size) is what follows `end` in the payload, with
// nothing but zeros between. Advances `end`.
absl::Status Place(const std::string& what, uint64_t offset, uint64_t size,
                   std::string_view payload, uint64_t& end) {
  if (offset != AlignUp(end)) {
    return Invalid(absl::StrCat(what, ": offset must be the next multiple of ",
                                kAlignment));
  }
  if (offset > payload.size() || size > payload.size() - offset) {
    return Invalid(absl::StrCat(what, ": ends outside the payload of ",
                                payload.size(), " bytes"));
  }
  if (!AllZero(payload.substr(end, offset - end))) {
    return Invalid(absl::StrCat(what, ": padding before it is not zero"));
  }
  end = offset + size;
  return absl::OkStatus();
}

absl::Status CheckStrings(const std::string& what, const char* data, int64_t n,
                          uint64_t bytes, int max_bytes) {
  uint64_t previous = 0;
  for (int64_t i = 0; i <= n; ++i) {
    uint64_t end = 0;
    std::memcpy(&end, data + i * sizeof(uint64_t), sizeof(end));
    const bool first_is_zero = i > 0 || end == 0;
    if (!first_is_zero || end < previous || end > bytes) {
      return Invalid(absl::StrCat(what, ": end offset ", i, " is wrong"));
    }
    const std::string_view text(data + (n + 1) * sizeof(uint64_t) + previous,
                                end - previous);
    if (text.size() > static_cast<size_t>(max_bytes)) {
      return Invalid(absl::StrCat(what, ": string ", i - 1, " has ",
                                  text.size(), " bytes, at most ", max_bytes));
    }
    if (!IsValidUtf8(text)) {
      return Invalid(
          absl::StrCat(what, ": string ", i - 1, " is not valid UTF-8"));
    }
    previous = end;
  }
  if (previous == bytes) return absl::OkStatus();
  return Invalid(absl::StrCat(what, ": bytes after the last string"));
}

absl::Status CheckFrame(std::string_view artifact) {
  if (artifact.size() < kHeaderBytes + kSha256Bytes) {
    return Invalid(absl::StrCat("truncated: ", artifact.size(),
                                " bytes, at least ",
                                kHeaderBytes + kSha256Bytes));
  }
  if (artifact.substr(0, kMagic.size()) != kMagic) {
    return Invalid("magic: not a revision of format 1");
  }
  return absl::OkStatus();
}

// REQUIRES: CheckFrame().
absl::StatusOr<Envelope> TakeApart(std::string_view artifact,
                                   std::string_view digest) {
  const std::string_view body =
      artifact.substr(0, artifact.size() - kSha256Bytes);
  uint64_t manifest_size = 0;
  std::memcpy(&manifest_size, body.data() + kMagic.size(),
              sizeof(manifest_size));
  if (manifest_size > kMaxManifestBytes) {
    return Invalid(
        absl::StrCat("manifest: at most ", kMaxManifestBytes, " bytes"));
  }
  const uint64_t manifest_end = kHeaderBytes + manifest_size;
  const uint64_t payload_begin = AlignUp(manifest_end);
  if (payload_begin > body.size()) {
    return Invalid("truncated: the manifest ends outside the artifact");
  }
  if (!AllZero(body.substr(manifest_end, payload_begin - manifest_end))) {
    return Invalid("manifest: padding after it is not zero");
  }
  Envelope envelope{.manifest = {},
                    .payload = body.substr(payload_begin),
                    .digest = absl::BytesToHexString(
                        absl::string_view(digest.data(), digest.size()))};
  if (!envelope.manifest.ParseFromArray(body.data() + kHeaderBytes,
                                        static_cast<int>(manifest_size))) {
    return Invalid("manifest: not a RevisionManifest");
  }
  return envelope;
}

// What comes before the payload.
std::string_view HeadOf(std::string_view artifact, const Envelope& envelope) {
  return artifact.substr(
      0, static_cast<size_t>(envelope.payload.data() - artifact.data()));
}

}  // namespace

absl::StatusOr<Envelope> OpenEnvelope(std::string_view artifact,
                                      const DigestProgress& progress) {
  ATTUNE_RETURN_IF_ERROR(CheckFrame(artifact));
  const Digests digests = DigestsOf(artifact, progress);
  if (digests.body != artifact.substr(artifact.size() - kSha256Bytes)) {
    return Invalid("digest: checksum does not match, truncated or damaged");
  }
  return TakeApart(artifact, digests.whole);
}

absl::StatusOr<Envelope> OpenKnownEnvelope(std::string_view artifact,
                                           std::string_view digest,
                                           std::string_view head_digest) {
  ATTUNE_RETURN_IF_ERROR(CheckFrame(artifact));
  ATTUNE_ASSIGN_OR_RETURN(Envelope envelope, TakeApart(artifact, digest));
  if (Sha256(HeadOf(artifact, envelope)) != head_digest) {
    return Invalid("manifest: is not the one that was verified");
  }
  return envelope;
}

absl::StatusOr<std::string> HeadDigest(std::string_view artifact) {
  ATTUNE_RETURN_IF_ERROR(CheckFrame(artifact));
  ATTUNE_ASSIGN_OR_RETURN(const Envelope envelope, TakeApart(artifact, ""));
  return Sha256(HeadOf(artifact, envelope));
}

absl::StatusOr<std::string> SealEnvelope(const v1::RevisionManifest& manifest,
                                         std::string_view payload) {
  const std::string bytes = manifest.SerializeAsString();
  const uint64_t manifest_size = bytes.size();
  if (manifest_size > kMaxManifestBytes) {
    return Invalid(absl::StrCat("manifest: ", manifest_size, " bytes, at most ",
                                kMaxManifestBytes));
  }
  const uint64_t payload_begin = AlignUp(kHeaderBytes + manifest_size);
  std::string artifact;
  artifact.reserve(payload_begin + payload.size() + kSha256Bytes);
  artifact.append(kMagic);
  artifact.append(reinterpret_cast<const char*>(&manifest_size),
                  sizeof(manifest_size));
  artifact.append(bytes);
  artifact.resize(payload_begin, '\0');
  artifact.append(payload);
  artifact.append(Sha256(artifact));
  return artifact;
}

absl::StatusOr<PayloadReader> PayloadReader::Create(
    const v1::RevisionManifest& manifest, std::string_view payload) {
  PayloadReader reader;
  uint64_t end = 0;
  for (int i = 0; i < manifest.tensors_size(); ++i) {
    ATTUNE_RETURN_IF_ERROR(
        reader.AddTensor(manifest.tensors(i), i, payload, end));
  }
  for (int i = 0; i < manifest.string_tables_size(); ++i) {
    ATTUNE_RETURN_IF_ERROR(
        reader.AddStrings(manifest.string_tables(i), i, payload, end));
  }
  if (end != payload.size()) {
    return Invalid("payload: bytes after the last descriptor");
  }
  return reader;
}

absl::Status PayloadReader::AddTensor(const v1::TensorDescriptor& descriptor,
                                      int index, std::string_view payload,
                                      uint64_t& end) {
  const std::string what = absl::StrCat("tensors[", index, "]");
  if (descriptor.shape_size() < 1 || descriptor.shape_size() > 2) {
    return Invalid(absl::StrCat(what, ": shape must have 1 or 2 dimensions"));
  }
  const int64_t rows = descriptor.shape(0);
  const int64_t cols = descriptor.shape_size() == 2 ? descriptor.shape(1) : 1;
  if (rows < 1 || cols < 1) {
    return Invalid(absl::StrCat(what, ": dimensions must be at least 1"));
  }
  const uint64_t capacity = payload.size() / sizeof(float);
  if (static_cast<uint64_t>(rows) > capacity / static_cast<uint64_t>(cols)) {
    return Invalid(absl::StrCat(what, ": shape is larger than the payload of ",
                                payload.size(), " bytes"));
  }
  const uint64_t byte_size =
      static_cast<uint64_t>(rows) * static_cast<uint64_t>(cols) * sizeof(float);
  ATTUNE_RETURN_IF_ERROR(
      Place(what, descriptor.offset(), byte_size, payload, end));
  const Entry entry{.rows = rows,
                    .cols = cols,
                    .data = payload.data() + descriptor.offset(),
                    .byte_size = byte_size,
                    .index = index,
                    .used = false};
  if (tensors_.emplace(descriptor.name(), entry).second) {
    return absl::OkStatus();
  }
  return Invalid(absl::StrCat(what, ": repeated name"));
}

absl::Status PayloadReader::AddStrings(
    const v1::StringTableDescriptor& descriptor, int index,
    std::string_view payload, uint64_t& end) {
  const std::string what = absl::StrCat("string_tables[", index, "]");
  const uint64_t byte_size = descriptor.byte_size();
  ATTUNE_RETURN_IF_ERROR(
      Place(what, descriptor.offset(), byte_size, payload, end));
  const uint64_t offsets = byte_size / sizeof(uint64_t);
  if (descriptor.size() < 1 ||
      static_cast<uint64_t>(descriptor.size()) >= offsets) {
    return Invalid(absl::StrCat(what, ": size must be at least 1 and its ",
                                "offsets fit into byte_size"));
  }
  const Entry entry{.rows = descriptor.size(),
                    .cols = 1,
                    .data = payload.data() + descriptor.offset(),
                    .byte_size = byte_size,
                    .index = index,
                    .used = false};
  if (strings_.emplace(descriptor.name(), entry).second) {
    return absl::OkStatus();
  }
  return Invalid(absl::StrCat(what, ": repeated name"));
}

bool PayloadReader::HasTensor(std::string_view name) const {
  return tensors_.contains(std::string(name));
}

absl::StatusOr<MatrixView> PayloadReader::Tensor(const std::string& name,
                                                 int64_t rows, int64_t cols) {
  const auto it = tensors_.find(name);
  if (it == tensors_.end()) {
    return Invalid(absl::StrCat("tensor ", name, ": missing"));
  }
  Entry& entry = it->second;
  if ((rows >= 0 && entry.rows != rows) || entry.cols != cols) {
    return Invalid(absl::StrCat(
        "tensor ", name, ": shape must be [",
        rows >= 0 ? absl::StrCat(rows) : std::string("any"), ", ", cols, "]"));
  }
  const float* values = reinterpret_cast<const float*>(entry.data);
  if (!Trusts(name) && !AllFinite(values, entry.byte_size / sizeof(float))) {
    return Invalid(absl::StrCat("tensor ", name, ": not finite"));
  }
  entry.used = true;
  return MatrixView(values, entry.rows, entry.cols);
}

absl::StatusOr<StringTable> PayloadReader::Strings(const std::string& name,
                                                   int64_t size,
                                                   int max_bytes) {
  const std::string what = absl::StrCat("string table ", name);
  const auto it = strings_.find(name);
  if (it == strings_.end()) return Invalid(absl::StrCat(what, ": missing"));
  Entry& entry = it->second;
  if (entry.rows != size) {
    return Invalid(absl::StrCat(what, ": must have ", size, " strings"));
  }
  const uint64_t offsets_size =
      (static_cast<uint64_t>(size) + 1) * sizeof(uint64_t);
  if (!Trusts(name)) {
    ATTUNE_RETURN_IF_ERROR(CheckStrings(
        what, entry.data, size, entry.byte_size - offsets_size, max_bytes));
  }
  entry.used = true;
  return StringTable(entry.data, entry.data + offsets_size, size);
}

bool PayloadReader::Trusts(std::string_view name) const {
  return trusts_items_ && name.substr(0, 5) == "item_";
}

absl::Status PayloadReader::CheckAllUsed() const {
  for (const auto& [name, entry] : tensors_) {
    if (!entry.used) {
      return Invalid(absl::StrCat("tensors[", entry.index, "]: unknown name"));
    }
  }
  for (const auto& [name, entry] : strings_) {
    if (!entry.used) {
      return Invalid(
          absl::StrCat("string_tables[", entry.index, "]: unknown name"));
    }
  }
  return absl::OkStatus();
}

}  // namespace attune::policy::revision_internal
