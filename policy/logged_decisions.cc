// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/logged_decisions.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace attune::policy {
namespace {

constexpr size_t kMagicBytes = sizeof(kLoggedDecisionsMagic) - 1;
constexpr int kMaxVarintBytes = 5;

}  // namespace

absl::StatusOr<LoggedDecisionReader> LoggedDecisionReader::Open(
    const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot open ", path));
  char magic[kMagicBytes];
  in.read(magic, kMagicBytes);
  if (!in || std::memcmp(magic, kLoggedDecisionsMagic, kMagicBytes) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a file of logged decisions"));
  }
  return LoggedDecisionReader(std::move(in));
}

absl::Status LoggedDecisionReader::Damaged(const char* what) const {
  return absl::DataLossError(absl::StrCat("record ", records_, ": ", what));
}

absl::StatusOr<bool> LoggedDecisionReader::Next(v1::LoggedDecision* decision) {
  uint32_t size = 0;
  for (int i = 0;; ++i) {
    const int byte = in_.get();
    if (byte == std::ifstream::traits_type::eof()) {
      if (i == 0) return false;
      return Damaged("the file ends within it");
    }
    size |= static_cast<uint32_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) break;
    if (i + 1 == kMaxVarintBytes) return Damaged("its size is none");
  }
  if (size > kMaxLoggedDecisionBytes) return Damaged("too large");
  buffer_.resize(size);
  in_.read(buffer_.data(), size);
  if (in_.gcount() != static_cast<std::streamsize>(size)) {
    return Damaged("the file ends within it");
  }
  if (!decision->ParseFromString(buffer_)) return Damaged("not a decision");
  ++records_;
  return true;
}

void WriteLoggedDecisionsMagic(std::ostream& out) {
  out.write(kLoggedDecisionsMagic, kMagicBytes);
}

void WriteLoggedDecision(const v1::LoggedDecision& decision,
                         std::ostream& out) {
  const std::string bytes = decision.SerializeAsString();
  uint32_t size = static_cast<uint32_t>(bytes.size());
  for (; size >= 0x80; size >>= 7) {
    out.put(static_cast<char>(size | 0x80));
  }
  out.put(static_cast<char>(size));
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace attune::policy
