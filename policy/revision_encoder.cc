// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/item_proto.h"
#include "policy/revision.h"
#include "policy/revision_layout.h"
#include "policy/revision_policy.h"
#include "policy/status_macros.h"

namespace attune::policy {
namespace {

using revision_internal::AlignUp;

void AppendAligned(const void* data, size_t size, std::string& payload) {
  payload.resize(AlignUp(payload.size()), '\0');
  payload.append(static_cast<const char*>(data), size);
}

absl::Status AppendTensor(const NamedTensor& tensor,
                          v1::RevisionManifest& manifest,
                          std::string& payload) {
  uint64_t count = 1;
  for (const int64_t dimension : tensor.shape) {
    count *= static_cast<uint64_t>(dimension);
  }
  if (count != tensor.values.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", tensor.name, ": ", tensor.values.size(),
                     " values, the shape has ", count));
  }
  v1::TensorDescriptor* descriptor = manifest.add_tensors();
  descriptor->set_name(tensor.name);
  descriptor->mutable_shape()->Add(tensor.shape.begin(), tensor.shape.end());
  descriptor->set_offset(AlignUp(payload.size()));
  AppendAligned(tensor.values.data(), count * sizeof(float), payload);
  return absl::OkStatus();
}

void AppendStrings(const NamedStrings& strings, v1::RevisionManifest& manifest,
                   std::string& payload) {
  std::vector<uint64_t> ends = {0};
  ends.reserve(strings.values.size() + 1);
  for (const std::string& value : strings.values) {
    ends.push_back(ends.back() + value.size());
  }
  v1::StringTableDescriptor* descriptor = manifest.add_string_tables();
  descriptor->set_name(strings.name);
  descriptor->set_size(static_cast<int64_t>(strings.values.size()));
  descriptor->set_offset(AlignUp(payload.size()));
  descriptor->set_byte_size(ends.size() * sizeof(uint64_t) + ends.back());
  AppendAligned(ends.data(), ends.size() * sizeof(uint64_t), payload);
  for (const std::string& value : strings.values) payload.append(value);
}

// Fills the descriptors and returns the payload.
absl::StatusOr<std::string> Lay(const RevisionParts& parts,
                                v1::RevisionManifest& manifest) {
  std::string payload;
  manifest.clear_tensors();
  manifest.clear_string_tables();
  for (const NamedTensor& tensor : parts.tensors) {
    ATTUNE_RETURN_IF_ERROR(AppendTensor(tensor, manifest, payload));
  }
  for (const NamedStrings& strings : parts.strings) {
    AppendStrings(strings, manifest, payload);
  }
  return payload;
}

absl::Status AddGoldenVectors(
    const std::vector<RevisionParts::GoldenInput>& inputs,
    std::string_view payload, v1::RevisionManifest& manifest) {
  ATTUNE_ASSIGN_OR_RETURN(const auto policy,
                          revision_internal::MakePolicy(manifest, payload));
  manifest.clear_golden_vectors();
  for (const RevisionParts::GoldenInput& input : inputs) {
    ATTUNE_ASSIGN_OR_RETURN(
        *manifest.add_golden_vectors(),
        revision_internal::MakeGoldenVector(*policy, input.history,
                                            input.candidates, input.seed));
  }
  return absl::OkStatus();
}

NamedTensor TakeTensor(const v1::TensorDescriptor& descriptor,
                       std::string_view payload) {
  NamedTensor tensor{
      .name = descriptor.name(),
      .shape = {descriptor.shape().begin(), descriptor.shape().end()}};
  size_t count = 1;
  for (const int64_t dimension : tensor.shape) {
    count *= static_cast<size_t>(dimension);
  }
  tensor.values.resize(count);
  std::memcpy(tensor.values.data(), payload.data() + descriptor.offset(),
              count * sizeof(float));
  return tensor;
}

NamedStrings TakeStrings(const v1::StringTableDescriptor& descriptor,
                         std::string_view payload) {
  const auto size = static_cast<size_t>(descriptor.size());
  std::vector<uint64_t> ends(size + 1);
  const char* begin = payload.data() + descriptor.offset();
  std::memcpy(ends.data(), begin, ends.size() * sizeof(uint64_t));
  begin += ends.size() * sizeof(uint64_t);
  NamedStrings strings{.name = descriptor.name()};
  for (size_t i = 0; i < size; ++i) {
    strings.values.emplace_back(begin + ends[i], begin + ends[i + 1]);
  }
  return strings;
}

void CompleteManifest(v1::RevisionManifest& manifest) {
  manifest.set_format_version(1);
  manifest.set_catalog_digest(Sha256Hex(manifest.catalog_yaml()));
}

// A policy and what its views point into.
struct OwnedPolicy {
  std::shared_ptr<char> payload;
  std::unique_ptr<const Policy> policy;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Policy>> PolicyOf(RevisionParts parts) {
  CompleteManifest(parts.manifest);
  ATTUNE_ASSIGN_OR_RETURN(const std::string payload,
                          Lay(parts, parts.manifest));
  auto owned = std::make_shared<OwnedPolicy>();
  owned->payload.reset(
      static_cast<char*>(std::aligned_alloc(revision_internal::kAlignment,
                                            AlignUp(payload.size() + 1))),
      [](char* p) { std::free(p); });
  if (owned->payload == nullptr) {
    return absl::ResourceExhaustedError("no memory for the policy");
  }
  std::memcpy(owned->payload.get(), payload.data(), payload.size());
  ATTUNE_ASSIGN_OR_RETURN(
      owned->policy,
      revision_internal::MakePolicy(parts.manifest,
                                    {owned->payload.get(), payload.size()}));
  const Policy* policy = owned->policy.get();
  return std::shared_ptr<const Policy>(std::move(owned), policy);
}

absl::StatusOr<std::string> EncodeRevision(RevisionParts parts) {
  v1::RevisionManifest& manifest = parts.manifest;
  CompleteManifest(manifest);
  ATTUNE_ASSIGN_OR_RETURN(std::string payload, Lay(parts, manifest));
  parts.tensors.clear();
  parts.strings.clear();
  ATTUNE_RETURN_IF_ERROR(
      AddGoldenVectors(parts.golden_inputs, payload, manifest));
  ATTUNE_ASSIGN_OR_RETURN(std::string artifact,
                          revision_internal::SealEnvelope(manifest, payload));
  payload = {};
  ATTUNE_RETURN_IF_ERROR(Revision::Load(artifact).status());
  return artifact;
}

absl::StatusOr<RevisionParts> DecodeRevision(std::string_view artifact) {
  // Verifies every descriptor.
  ATTUNE_RETURN_IF_ERROR(Revision::Load(std::string(artifact)).status());
  ATTUNE_ASSIGN_OR_RETURN(revision_internal::Envelope envelope,
                          revision_internal::OpenEnvelope(artifact));
  RevisionParts parts;
  for (const auto& descriptor : envelope.manifest.tensors()) {
    parts.tensors.push_back(TakeTensor(descriptor, envelope.payload));
  }
  for (const auto& descriptor : envelope.manifest.string_tables()) {
    parts.strings.push_back(TakeStrings(descriptor, envelope.payload));
  }
  for (const v1::GoldenVector& golden : envelope.manifest.golden_vectors()) {
    parts.golden_inputs.push_back(
        {.history = ItemsFromProto(golden.history()),
         .candidates = ItemsFromProto(golden.candidates()),
         .seed = golden.seed()});
  }
  parts.manifest = std::move(envelope.manifest);
  return parts;
}

}  // namespace attune::policy
