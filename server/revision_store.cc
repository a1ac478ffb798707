// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/revision_store.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/revision_signature.h"
#include "policy/status_macros.h"
#include "server/file_io.h"
#include "server/log.h"
#include "server/traffic_state_json.h"

namespace attune::server {
namespace {

namespace fs = std::filesystem;

constexpr char kExtension[] = ".attune";
constexpr int64_t kMaxStateBytes = 1 << 20;

absl::Time ModificationTime(const fs::path& path) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  if (error) return absl::UnixEpoch();
  return absl::FromChrono(std::chrono::file_clock::to_sys(time));
}

// Larger files are read whole once, when they are installed; see receipt.
constexpr int64_t kAlwaysVerifiedBytes = int64_t{64} << 20;

std::string ReceiptPath(fs::path path) {
  return path.replace_extension(".receipt").string();
}

// A receipt saves time at the next start and nothing else.
void WriteReceipt(const policy::Revision& revision, const fs::path& path) {
  if (revision.byte_size() <= kAlwaysVerifiedBytes) return;
  auto receipt = revision.MakeReceipt();
  const absl::Status status =
      receipt.ok() ? WriteFileAtomically(ReceiptPath(path), *receipt)
                   : receipt.status();
  if (status.ok()) return;
  Log(LogLevel::kWarning, "no receipt: the next start verifies the file again",
      {{"revision", revision.id()}, {"error", status.ToString()}});
}

absl::StatusOr<std::shared_ptr<const policy::Revision>> LoadWithReceipt(
    const fs::path& path) {
  if (FileSizeOrZero(path.string()) > kAlwaysVerifiedBytes) {
    auto known =
        policy::Revision::LoadWithReceipt(path.string(), ReceiptPath(path));
    if (known.ok()) return known;
    Log(LogLevel::kInfo, "verifying a large revision",
        {{"file", path.filename().string()},
         {"why", known.status().ToString()}});
  }
  ATTUNE_ASSIGN_OR_RETURN(auto revision,
                          policy::Revision::LoadFile(path.string()));
  WriteReceipt(*revision, path);
  return revision;
}

absl::StatusOr<v1::RevisionSignature> ReadSignature(fs::path path) {
  path.replace_extension(policy::kSignatureExtension);
  const auto bytes =
      ReadSmallFile(path.string(), policy::kMaxSignatureFileBytes);
  if (absl::IsNotFound(bytes.status())) {
    return absl::PermissionDeniedError("no signature beside it");
  }
  ATTUNE_RETURN_IF_ERROR(bytes.status());
  return policy::ParseSignature(*bytes);
}

absl::StatusOr<StoredRevision> LoadStored(const fs::path& path,
                                          const SignatureGate& gate) {
  StoredRevision stored;
  if (gate.is_closed()) {
    // Nothing of the artifact is read before its signature is known to be good.
    ATTUNE_ASSIGN_OR_RETURN(stored.signature, ReadSignature(path));
    ATTUNE_RETURN_IF_ERROR(gate.CheckStored(*stored.signature));
    ATTUNE_ASSIGN_OR_RETURN(stored.revision,
                            policy::Revision::LoadFile(path.string()));
    ATTUNE_RETURN_IF_ERROR(CheckSigned(*stored.signature, *stored.revision));
  } else {
    ATTUNE_ASSIGN_OR_RETURN(stored.revision, LoadWithReceipt(path));
  }
  if (stored.revision->id() != path.stem().string()) {
    return absl::DataLossError("the file's name is not its revision's id");
  }
  stored.push_time = ModificationTime(path);
  return stored;
}

}  // namespace

RevisionStore::RevisionStore(std::string directory)
    : directory_(std::move(directory)) {}

absl::StatusOr<RevisionStore> RevisionStore::Open(std::string directory) {
  RevisionStore store(std::move(directory));
  ATTUNE_RETURN_IF_ERROR(MakeDirectories(store.IncomingDirectory()));
  return store;
}

std::string RevisionStore::IncomingDirectory() const {
  return directory_ + "/incoming";
}

std::vector<StoredRevision> RevisionStore::LoadAll(
    const SignatureGate& gate) const {
  std::vector<StoredRevision> loaded;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    if (entry.path().extension() != kExtension) continue;
    auto stored = LoadStored(entry.path(), gate);
    if (!stored.ok()) {
      Log(LogLevel::kError, "revision skipped",
          {{"file", entry.path().filename().string()},
           {"error", stored.status().ToString()}});
      continue;
    }
    loaded.push_back(*std::move(stored));
  }
  if (error) {
    Log(LogLevel::kError, "cannot list revisions",
        {{"error", error.message()}});
  }
  std::sort(loaded.begin(), loaded.end(), [](const auto& a, const auto& b) {
    return std::pair(a.push_time, a.revision->id()) <
           std::pair(b.push_time, b.revision->id());
  });
  return loaded;
}

std::string RevisionStore::PathOf(const std::string& id,
                                  const char* extension) const {
  return absl::StrCat(directory_, "/", id, extension);
}

std::string RevisionStore::ArtifactPath(const std::string& id) const {
  return PathOf(id, kExtension);
}

absl::StatusOr<StoredRevision> RevisionStore::Install(
    const std::string& part_path,
    std::shared_ptr<const policy::Revision> revision,
    std::optional<v1::RevisionSignature> signature,
    std::optional<absl::Time> push_time) const {
  if (push_time.has_value()) {
    std::error_code ignored;  // it only orders a list
    fs::last_write_time(
        part_path,
        std::chrono::file_clock::from_sys(absl::ToChronoTime(*push_time)),
        ignored);
  }
  if (signature.has_value()) {
    ATTUNE_RETURN_IF_ERROR(WriteSignature(revision->id(), *signature));
  }
  const std::string path = PathOf(revision->id(), kExtension);
  ATTUNE_RETURN_IF_ERROR(RenameDurably(part_path, path));
  WriteReceipt(*revision, path);
  return StoredRevision{.revision = std::move(revision),
                        .push_time = ModificationTime(path),
                        .signature = std::move(signature)};
}

absl::Status RevisionStore::WriteSignature(
    const std::string& id, const v1::RevisionSignature& signature) const {
  return WriteFileAtomically(PathOf(id, policy::kSignatureExtension),
                             signature.SerializeAsString());
}

absl::Status RevisionStore::Remove(const std::string& id) const {
  const std::string path = PathOf(id, kExtension);
  // The receipt first: a revision without one only takes longer to load; and
  // the signature last: it says nothing without its revision.
  std::error_code ignored;
  fs::remove(ReceiptPath(path), ignored);
  ATTUNE_RETURN_IF_ERROR(RemoveFileDurably(path));
  fs::remove(PathOf(id, policy::kSignatureExtension), ignored);
  return absl::OkStatus();
}

absl::StatusOr<TrafficState> RevisionStore::ReadState() const {
  auto bytes = ReadSmallFile(directory_ + "/state.json", kMaxStateBytes);
  if (absl::IsNotFound(bytes.status())) return TrafficState();
  ATTUNE_RETURN_IF_ERROR(bytes.status());
  return ParseTrafficState(*bytes);
}

absl::Status RevisionStore::WriteState(const TrafficState& state) const {
  return WriteFileAtomically(directory_ + "/state.json",
                             PrintTrafficState(state));
}

}  // namespace attune::server
