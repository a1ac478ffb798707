// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/revision_receipt.h"

#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "policy/digest.h"
#include "policy/revision_layout.h"

namespace attune::policy::revision_internal {
namespace {

constexpr char kReceiptMagic[8] = {'A', 'T', 'T', 'U', 'N', 'E', 'R', '1'};

// Little-endian, as on every machine that we support.
struct Header {
  char magic[8];
  uint64_t file_bytes;
  int64_t modified_nanos;
  char digest[kSha256Bytes];
  char head_digest[kSha256Bytes];
  uint64_t popular;
  uint64_t slots;
};

absl::Status NoReceipt() {
  return absl::InvalidArgumentError("receipt: truncated or damaged");
}

}  // namespace

std::string EncodeReceipt(const Verified& verified, const ItemTable& items) {
  const auto popular = items.popular();
  const auto slots = items.index().slots();
  Header header = {};
  std::memcpy(header.magic, kReceiptMagic, sizeof(header.magic));
  header.file_bytes = verified.file_bytes;
  header.modified_nanos = verified.modified_nanos;
  std::memcpy(header.digest, verified.digest.data(), kSha256Bytes);
  std::memcpy(header.head_digest, verified.head_digest.data(), kSha256Bytes);
  header.popular = popular.size();
  header.slots = slots.size();
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes.append(reinterpret_cast<const char*>(popular.data()),
               popular.size() * sizeof(uint32_t));
  bytes.append(Sha256(bytes));
  const size_t begin = AlignUp(bytes.size());
  bytes.reserve(begin + slots.size() * sizeof(ItemIndex::Slot));
  bytes.resize(begin, '\0');
  bytes.append(reinterpret_cast<const char*>(slots.data()),
               slots.size() * sizeof(ItemIndex::Slot));
  return bytes;
}

absl::StatusOr<Receipt> DecodeReceipt(std::string_view bytes,
                                      std::shared_ptr<const void> owner) {
  Header header;
  if (bytes.size() < sizeof(header)) return NoReceipt();
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.magic, kReceiptMagic, sizeof(header.magic)) != 0 ||
      header.popular > bytes.size() || header.slots > bytes.size() ||
      !std::has_single_bit(header.slots)) {
    return NoReceipt();
  }
  const size_t signed_size = sizeof(header) + header.popular * sizeof(uint32_t);
  const size_t begin = AlignUp(signed_size + kSha256Bytes);
  if (bytes.size() != begin + header.slots * sizeof(ItemIndex::Slot) ||
      Sha256(bytes.substr(0, signed_size)) !=
          bytes.substr(signed_size, kSha256Bytes)) {
    return NoReceipt();
  }
  Receipt receipt;
  receipt.verified = {
      .file_bytes = header.file_bytes,
      .modified_nanos = header.modified_nanos,
      .digest = std::string(header.digest, kSha256Bytes),
      .head_digest = std::string(header.head_digest, kSha256Bytes)};
  receipt.derived.popular.resize(header.popular);
  // Of an empty vector, data() may be null, which memcpy must not see.
  if (header.popular > 0) {
    std::memcpy(receipt.derived.popular.data(), bytes.data() + sizeof(header),
                header.popular * sizeof(uint32_t));
  }
  receipt.derived.index = ItemIndex(
      absl::MakeConstSpan(
          reinterpret_cast<const ItemIndex::Slot*>(bytes.data() + begin),
          header.slots),
      std::move(owner));
  return receipt;
}

}  // namespace attune::policy::revision_internal
