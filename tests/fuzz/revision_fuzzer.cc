// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// A revision without its checksum, which is put under it, so that the checks
// behind it are reached; mutations mend lengths and the catalog's digest too.
// What is taken can be taken apart, and decides: finite probabilities.

#include <google/protobuf/stubs/logging.h>

#include <cmath>
#include <cstring>
#include <string>

#include "policy/digest.h"
#include "policy/revision.h"
#include "policy/revision_layout.h"
#include "tests/fuzz/fuzz.h"
#include "tests/testing/message_mutator.h"

namespace attune::fuzz {
namespace {

namespace codec = policy::revision_internal;
using policy::Revision;

constexpr size_t kHeaderBytes = codec::kMagic.size() + sizeof(uint64_t);

std::string Seal(std::string_view body) {
  return std::string(body) + policy::Sha256(body);
}

void RequireDecides(const Revision& revision) {
  const auto history = testing::SampleHistory(2);
  const auto candidates = testing::SampleCandidates(3);
  const auto decision = revision.policy().Decide(
      {.history = history, .candidates = candidates, .seed = 1});
  Require(decision.ok(), "a revision that was taken decides");
  for (const auto& choice : decision->choice.patterns) {
    Require(std::isfinite(choice.probability) && choice.probability > 0.0F,
            "probabilities are finite and positive");
  }
}

// A body with mutated manifest or payload, or the body as it is if it has none.
std::string MutateParts(const std::string& body, policy::Rng& rng) {
  const std::string sealed = Seal(body);
  auto envelope = codec::OpenEnvelope(sealed);
  if (!envelope.ok()) return body;
  std::string payload(envelope->payload);
  if (rng.Below(3) == 0 && !payload.empty()) {
    payload.resize(payload.size() + 64);
    payload.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(payload.data()),
                                    payload.size() - 64, payload.size()));
  } else if (rng.Below(3) == 0) {
    std::string yaml = envelope->manifest.catalog_yaml();
    const size_t size = yaml.size();
    yaml.resize(size + 32);
    yaml.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(yaml.data()), size,
                                 yaml.size()));
    envelope->manifest.set_catalog_yaml(yaml);
  } else {
    testing::MutateMessage(&envelope->manifest, rng);
  }
  if (rng.Below(16) != 0) {
    envelope->manifest.set_catalog_digest(
        policy::Sha256Hex(envelope->manifest.catalog_yaml()));
  }
  const auto artifact = codec::SealEnvelope(envelope->manifest, payload);
  if (!artifact.ok()) return body;
  return artifact->substr(0, artifact->size() - policy::kSha256Bytes);
}

}  // namespace
}  // namespace attune::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  using namespace attune::fuzz;  // NOLINT: the entry point has no namespace
  static const google::protobuf::LogSilencer silencer;
  attune::policy::Rng rng(seed);
  if (size < kHeaderBytes || rng.Below(8) == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  const std::string body = MutateParts(std::string(View(data, size)), rng);
  if (body.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, body.data(), body.size());
  return body.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace attune::fuzz;  // NOLINT: the entry point has no namespace
  static const google::protobuf::LogSilencer silencer;
  const std::string artifact = Seal(View(data, size));
  const auto revision = Revision::Load(artifact);
  if (!revision.ok()) {
    Require(revision.status().code() == absl::StatusCode::kInvalidArgument,
            "a bad revision is an invalid argument");
    return 0;
  }
  Require((*revision)->digest() == attune::policy::RevisionDigestOf(artifact),
          "the digest is that of the bytes");
  Require(attune::policy::DecodeRevision(artifact).ok(), "it comes apart");
  RequireDecides(**revision);
  return 0;
}
