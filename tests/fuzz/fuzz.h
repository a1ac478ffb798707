// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_FUZZ_FUZZ_H_
#define ATTUNE_TESTS_FUZZ_FUZZ_H_

// What fuzz targets share. A target is one file <name>_fuzzer.cc with libFuzzer's
// entry point; what it Requires beside not crashing stands in its comment.
// tests/fuzz/corpus/<name>/ holds inputs to begin with; what is not text is made
// by fuzz_seeds. scripts/fuzz.sh builds and runs them.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policy/random.h"
#include "policy/revision.h"
#include "tests/testing/policy_builders.h"

// libFuzzer's own.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed);
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace attune::fuzz {

// Ends the process with `what` if it does not hold: a finding.
inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

inline std::string_view View(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Three patterns, two options each.
inline constexpr char kTinyCatalogYaml[] = R"yaml(name: tiny
domain: movies
frame: {history_intro: "Seen:", candidates_intro: "Rank:", prior_prefix: "A film:", likelihood_lists_candidates: false}
patterns:
  - {name: history, default: one, options: [{id: one, length: 1}, {id: near, length: 5, selection: nearest}]}
  - {name: hint, default: none, options: [{id: none, source: none}, {id: near, source: neighbours, count: 2, text: "Like {items}."}]}
  - {name: format, default: plain, options: [{id: plain, text: "", generate: "All.", labels: "One.", likelihood: "Best:"}]}
)yaml";

// A revision that is quick to load. An artifact without its checksum.
inline std::string TinyRevision(policy::HeadsKind kind, uint64_t seed = 3) {
  const testing::RevisionSizes sizes{.embedding_dim = 2,
                                     .max_history = 10,
                                     .ngram_buckets = 2,
                                     .gru_hidden = 1,
                                     .option_embedding_dim = 1,
                                     .hidden = 1,
                                     .score_dim = 1};
  auto parts = testing::MakeRevisionParts(kTinyCatalogYaml, kind, seed, sizes);
  parts.golden_inputs = {
      {testing::SampleHistory(2), testing::SampleCandidates(3), seed}};
  std::string artifact = policy::EncodeRevision(std::move(parts)).value();
  artifact.resize(artifact.size() - 32);
  return artifact;
}

}  // namespace attune::fuzz

#endif  // ATTUNE_TESTS_FUZZ_FUZZ_H_
