// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/revision_store.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/revision_signature.h"
#include "policy/status_macros.h"
#include "server/file_io.h"
#include "server/log.h"

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

// The canary and the shadow, which states of before they existed do not have.
bool ParseTrial(const nlohmann::json& json, TrafficState* state) {
  const auto text = [&json](const char* name, std::string* out) {
    const auto found = json.find(name);
    if (found == json.end()) return true;
    if (!found->is_string()) return false;
    *out = found->get<std::string>();
    return true;
  };
  const auto count = [&json](const char* name, int64_t* out) {
    const auto found = json.find(name);
    if (found == json.end()) return true;
    if (!found->is_number_integer()) return false;
    *out = found->get<int64_t>();
    return *out >= 0;
  };
  const auto share = json.find("canary_share");
  if (share != json.end()) {
    if (!share->is_number()) return false;
    state->canary_share = share->get<double>();
  }
  return text("canary", &state->canary) && text("shadow", &state->shadow) &&
         count("sequence", &state->sequence) && count("trial", &state->trial) &&
         state->canary_share >= 0.0 && state->canary_share <= 1.0;
}

absl::StatusOr<TrafficState> ParseState(const std::string& bytes) {
  const auto json = nlohmann::json::parse(bytes, nullptr, false);
  const absl::Status bad = absl::DataLossError(
      "state.json: not an object with format 1 and a list of activations");
  if (!json.is_object() || json.value("format", nlohmann::json()) != 1) {
    return bad;
  }
  const auto list = json.find("activations");
  if (list == json.end() || !list->is_array()) return bad;
  TrafficState state;
  for (const auto& id : *list) {
    if (!id.is_string()) return bad;
    state.activations.push_back(id.get<std::string>());
  }
  if (!ParseTrial(json, &state)) return bad;
  return state;
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

absl::StatusOr<StoredRevision> RevisionStore::Install(
    const std::string& part_path,
    std::shared_ptr<const policy::Revision> revision,
    std::optional<v1::RevisionSignature> signature) const {
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
  return ParseState(*bytes);
}

absl::Status RevisionStore::WriteState(const TrafficState& state) const {
  nlohmann::ordered_json json = {{"format", 1},
                                 {"activations", state.activations},
                                 {"sequence", state.sequence},
                                 {"trial", state.trial}};
  if (!state.canary.empty()) {
    json["canary"] = state.canary;
    json["canary_share"] = state.canary_share;
  }
  if (!state.shadow.empty()) json["shadow"] = state.shadow;
  return WriteFileAtomically(directory_ + "/state.json", json.dump(2) + "\n");
}

}  // namespace attune::server
