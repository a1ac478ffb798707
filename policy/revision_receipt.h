// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_REVISION_RECEIPT_H_
#define ATTUNE_POLICY_REVISION_RECEIPT_H_

// What the verification of a large revision's file found out, kept in a file
// beside it, so that a later start need not read gigabytes again:
//   "ATTUNER1" | header | rows of the popular items | SHA-256 of everything so
//   far | zero padding to 64 | slots of the item index (mapped, not read)
//
// A receipt vouches for one file as it was: its size and its time of last
// modification are part of it, so a file that was written to since is verified
// anew. Internal to the codec: use revision.h. Pure functions; safe to call from
// any thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "policy/item_table.h"

namespace attune::policy::revision_internal {

// What a receipt says of the file.
struct Verified {
  uint64_t file_bytes = 0;
  // Since the Unix epoch.
  int64_t modified_nanos = 0;
  // SHA-256 of the file, and of what comes before its payload; 32 bytes each.
  std::string digest;
  std::string head_digest;
};

std::string EncodeReceipt(const Verified& verified, const ItemTable& items);

struct Receipt {
  Verified verified;
  ItemTable::Derived derived;
};

// The index's slots point into `bytes`, which `owner` keeps alive.
// kInvalidArgument if they are no receipt.
absl::StatusOr<Receipt> DecodeReceipt(std::string_view bytes,
                                      std::shared_ptr<const void> owner);

}  // namespace attune::policy::revision_internal

#endif  // ATTUNE_POLICY_REVISION_RECEIPT_H_
