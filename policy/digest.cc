// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/digest.h"

#include <openssl/sha.h>

#include "absl/strings/escaping.h"

namespace attune::policy {

std::string Sha256(std::string_view data) {
  std::string digest(kSha256Bytes, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string Sha256Hex(std::string_view data) {
  return absl::BytesToHexString(Sha256(data));
}

}  // namespace attune::policy
