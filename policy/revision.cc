// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/revision.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/revision_layout.h"
#include "policy/revision_policy.h"
#include "policy/revision_receipt.h"
#include "policy/status_macros.h"

namespace attune::policy {
namespace {

constexpr int kIdDigits = 16;
constexpr int kUniformIdDigits = 8;

// Bytes that begin at a multiple of 64, with whatever frees them.
struct Memory {
  std::shared_ptr<const char> owner;
  size_t size = 0;
  // Of the file, since the Unix epoch, before any of it was read.
  int64_t modified_nanos = 0;
  std::string_view bytes() const { return {owner.get(), size}; }
};

absl::StatusOr<Memory> CopyAligned(std::string_view bytes) {
  using revision_internal::AlignUp;
  using revision_internal::kAlignment;
  char* copy = static_cast<char*>(
      std::aligned_alloc(kAlignment, AlignUp(bytes.size() + 1)));
  if (copy == nullptr) {
    return absl::ResourceExhaustedError("no memory for the revision");
  }
  std::memcpy(copy, bytes.data(), bytes.size());
  return Memory{{copy, [](const char* p) { std::free(const_cast<char*>(p)); }},
                bytes.size()};
}

absl::StatusOr<Memory> MapOpen(int fd) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return absl::ErrnoToStatus(errno, "fstat");
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError("not a regular file");
  }
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return absl::InvalidArgumentError("truncated: 0 bytes");
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) return absl::ErrnoToStatus(errno, "mmap");
  return Memory{
      {static_cast<const char*>(data),
       [size](const char* p) { ::munmap(const_cast<char*>(p), size); }},
      size,
      int64_t{info.st_mtim.tv_sec} * 1000000000 + info.st_mtim.tv_nsec};
}

absl::StatusOr<Memory> MapFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, "open");
  auto memory = MapOpen(fd);
  ::close(fd);
  return memory;
}

v1::RevisionManifest UniformManifest(const Catalog& catalog,
                                     const EncoderSettings& encoder,
                                     Readout readout) {
  v1::RevisionManifest manifest;
  manifest.set_format_version(1);
  manifest.set_policy(catalog.name);
  manifest.set_catalog_yaml(catalog.yaml);
  manifest.set_catalog_digest(catalog.digest);
  v1::EncoderSettings* settings = manifest.mutable_encoder();
  settings->set_embedding_dim(encoder.embedding_dim);
  settings->set_recency_decay(encoder.recency_decay);
  settings->set_max_history(encoder.max_history);
  settings->set_ngram_buckets(encoder.ngram_buckets);
  settings->set_gru_hidden(encoder.gru_hidden);
  settings->set_option_embedding_dim(encoder.option_embedding_dim);
  manifest.mutable_heads()->set_kind(v1::HEADS_KIND_UNIFORM);
  manifest.mutable_heads()->set_exploration_floor(1.0F);
  manifest.set_readout(static_cast<v1::Readout>(readout));
  manifest.mutable_create_time();
  return manifest;
}

}  // namespace

// Members in the order in which they depend on each other: the policy's views
// point into the memory.
struct Revision::Impl {
  Memory memory;
  std::string id;
  std::string digest;
  v1::RevisionManifest manifest;
  std::unique_ptr<const Policy> policy;

  static absl::StatusOr<std::unique_ptr<Impl>> Verify(
      Memory memory, const DigestProgress& progress = {});
  static absl::StatusOr<std::unique_ptr<Impl>> Make(
      Memory memory, revision_internal::Envelope envelope,
      std::optional<ItemTable::Derived> derived);
};

absl::StatusOr<std::unique_ptr<Revision::Impl>> Revision::Impl::Verify(
    Memory memory, const DigestProgress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(
      revision_internal::Envelope envelope,
      revision_internal::OpenEnvelope(memory.bytes(), progress));
  return Make(std::move(memory), std::move(envelope), std::nullopt);
}

absl::StatusOr<std::unique_ptr<Revision::Impl>> Revision::Impl::Make(
    Memory memory, revision_internal::Envelope envelope,
    std::optional<ItemTable::Derived> derived) {
  ATTUNE_ASSIGN_OR_RETURN(auto policy, revision_internal::MakePolicy(
                                           envelope.manifest, envelope.payload,
                                           std::move(derived)));
  ATTUNE_RETURN_IF_ERROR(
      revision_internal::ReplayGoldenVectors(*policy, envelope.manifest));
  auto impl = std::make_unique<Impl>();
  impl->memory = std::move(memory);
  impl->id = RevisionIdOfDigest(envelope.digest);
  impl->digest = std::move(envelope.digest);
  impl->manifest = std::move(envelope.manifest);
  impl->policy = std::move(policy);
  return impl;
}

std::string RevisionIdOf(std::string_view artifact) {
  return RevisionIdOfDigest(RevisionDigestOf(artifact));
}

std::string RevisionIdOfDigest(std::string_view digest) {
  return std::string(digest.substr(0, kIdDigits));
}

std::string RevisionDigestOf(std::string_view artifact) {
  return Sha256Hex(artifact);
}

Revision::Revision(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Revision::~Revision() = default;

absl::StatusOr<std::shared_ptr<const Revision>> Revision::Load(
    std::string artifact) {
  ATTUNE_ASSIGN_OR_RETURN(Memory memory, CopyAligned(artifact));
  // Two copies at a time are enough.
  std::string().swap(artifact);
  ATTUNE_ASSIGN_OR_RETURN(auto impl, Impl::Verify(std::move(memory)));
  return std::shared_ptr<const Revision>(new Revision(std::move(impl)));
}

absl::StatusOr<std::shared_ptr<const Revision>> Revision::LoadFile(
    const std::string& path, const DigestProgress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(Memory memory, MapFile(path));
  ATTUNE_ASSIGN_OR_RETURN(auto impl, Impl::Verify(std::move(memory), progress));
  return std::shared_ptr<const Revision>(new Revision(std::move(impl)));
}

absl::StatusOr<std::shared_ptr<const Revision>> Revision::LoadWithReceipt(
    const std::string& path, const std::string& receipt_path) {
  ATTUNE_ASSIGN_OR_RETURN(const Memory paper, MapFile(receipt_path));
  ATTUNE_ASSIGN_OR_RETURN(
      revision_internal::Receipt receipt,
      revision_internal::DecodeReceipt(paper.bytes(), paper.owner));
  ATTUNE_ASSIGN_OR_RETURN(Memory memory, MapFile(path));
  const revision_internal::Verified& verified = receipt.verified;
  if (verified.file_bytes != memory.size ||
      verified.modified_nanos != memory.modified_nanos) {
    return absl::FailedPreconditionError("the file has changed since");
  }
  ATTUNE_ASSIGN_OR_RETURN(
      revision_internal::Envelope envelope,
      revision_internal::OpenKnownEnvelope(memory.bytes(), verified.digest,
                                           verified.head_digest));
  ATTUNE_ASSIGN_OR_RETURN(auto impl,
                          Impl::Make(std::move(memory), std::move(envelope),
                                     std::move(receipt.derived)));
  return std::shared_ptr<const Revision>(new Revision(std::move(impl)));
}

absl::StatusOr<std::string> Revision::MakeReceipt() const {
  const std::string_view bytes = impl_->memory.bytes();
  revision_internal::Verified verified = {
      .file_bytes = bytes.size(),
      .modified_nanos = impl_->memory.modified_nanos,
      .digest = absl::HexStringToBytes(impl_->digest)};
  ATTUNE_ASSIGN_OR_RETURN(verified.head_digest,
                          revision_internal::HeadDigest(bytes));
  return revision_internal::EncodeReceipt(verified,
                                          impl_->policy->encoder().items());
}

std::shared_ptr<const Revision> Revision::Uniform(
    std::shared_ptr<const Catalog> catalog, Readout readout) {
  auto impl = std::make_unique<Impl>();
  impl->id =
      absl::StrCat("uniform-", catalog->digest.substr(0, kUniformIdDigits));
  impl->digest = catalog->digest;
  impl->policy =
      std::make_unique<const Policy>(Policy::Uniform(catalog, readout));
  impl->manifest =
      UniformManifest(*catalog, impl->policy->encoder().settings(), readout);
  return std::shared_ptr<const Revision>(new Revision(std::move(impl)));
}

const std::string& Revision::id() const { return impl_->id; }
const std::string& Revision::digest() const { return impl_->digest; }
int64_t Revision::byte_size() const {
  return static_cast<int64_t>(impl_->memory.size);
}
const v1::RevisionManifest& Revision::manifest() const {
  return impl_->manifest;
}
const Policy& Revision::policy() const { return *impl_->policy; }

}  // namespace attune::policy
