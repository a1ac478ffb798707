// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_POLICY_REVISION_TAMPERING_H_
#define ATTUNE_TESTS_POLICY_REVISION_TAMPERING_H_

// Makes artifacts that are wrong in one place and right everywhere else: the
// checksum is made anew, so that the check behind it is reached.

#include <functional>
#include <string>

#include "gtest/gtest.h"
#include "policy/digest.h"
#include "policy/revision.h"
#include "policy/revision_layout.h"
#include "tests/testing/policy_builders.h"

namespace attune::testing {

// A small revision; the same on every call.
inline std::string SmallArtifact(
    policy::HeadsKind kind = policy::HeadsKind::kAutoregressive) {
  const RevisionSizes sizes{.embedding_dim = 4,
                            .max_history = 10,
                            .ngram_buckets = 4,
                            .gru_hidden = 2,
                            .option_embedding_dim = 3,
                            .hidden = 3,
                            .score_dim = 2};
  return policy::EncodeRevision(
             MakeRevisionParts(kSmallCatalogYaml, kind, 3, sizes))
      .value();
}

// `body` with its checksum.
inline std::string Seal(std::string body) {
  return body + policy::Sha256(body);
}

inline std::string WithoutSeal(const std::string& artifact) {
  return artifact.substr(0, artifact.size() - policy::kSha256Bytes);
}

// The artifact with a changed manifest and payload.
inline std::string Tamper(
    const std::string& artifact,
    const std::function<void(v1::RevisionManifest&, std::string&)>& change) {
  auto envelope = policy::revision_internal::OpenEnvelope(artifact).value();
  std::string payload(envelope.payload);
  change(envelope.manifest, payload);
  return policy::revision_internal::SealEnvelope(envelope.manifest, payload)
      .value();
}

inline v1::TensorDescriptor& TensorOf(v1::RevisionManifest& manifest,
                                      const std::string& name) {
  for (auto& tensor : *manifest.mutable_tensors()) {
    if (tensor.name() == name) return tensor;
  }
  ADD_FAILURE() << "no tensor " << name;
  return *manifest.mutable_tensors(0);
}

inline v1::StringTableDescriptor& StringsOf(v1::RevisionManifest& manifest,
                                            const std::string& name) {
  for (auto& strings : *manifest.mutable_string_tables()) {
    if (strings.name() == name) return strings;
  }
  ADD_FAILURE() << "no string table " << name;
  return *manifest.mutable_string_tables(0);
}

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_POLICY_REVISION_TAMPERING_H_
