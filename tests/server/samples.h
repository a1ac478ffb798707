// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_SAMPLES_H_
#define ATTUNE_TESTS_SERVER_SAMPLES_H_

// A revision and a request that tests of the server share; no gRPC.

#include <string>

#include "attune/v1/prompt_service.pb.h"
#include "gtest/gtest.h"
#include "policy/item_proto.h"
#include "policy/revision.h"
#include "tests/server/tagged_catalog.h"
#include "tests/testing/policy_builders.h"

namespace attune::server {

inline std::string MakeArtifact(
    const std::string& tag,
    policy::HeadsKind kind = policy::HeadsKind::kAutoregressive) {
  auto artifact = policy::EncodeRevision(
      testing::MakeRevisionParts(TaggedCatalogYaml(tag), kind, 1));
  EXPECT_TRUE(artifact.ok()) << artifact.status();
  return artifact.ok() ? *artifact : "";
}

// An artifact that is little but its item table, of 4 * items * dim bytes.
inline std::string MakeArtifactOfItems(int64_t items, int dim) {
  policy::RevisionParts parts = testing::MakeRevisionParts(
      TaggedCatalogYaml("items"), policy::HeadsKind::kUniform, 1,
      {.embedding_dim = dim});
  parts.tensors.push_back({.name = "item_embeddings",
                           .shape = {items, dim},
                           .values = std::vector<float>(items * dim, 0.5F)});
  parts.tensors.push_back({.name = "item_popularity",
                           .shape = {items},
                           .values = std::vector<float>(items, 0.5F)});
  policy::NamedStrings ids{.name = "item_ids"};
  for (int64_t i = 0; i < items; ++i) {
    ids.values.push_back(std::to_string(1'000'000 + i));
  }
  parts.strings = {ids,
                   {.name = "item_titles", .values = ids.values},
                   {.name = "item_genres", .values = ids.values}};
  auto artifact = policy::EncodeRevision(std::move(parts));
  EXPECT_TRUE(artifact.ok()) << artifact.status();
  return artifact.ok() ? *artifact : "";
}

inline v1::GetPromptRequest SampleRequest(int history = 5,
                                          int candidates = 10) {
  v1::GetPromptRequest request;
  policy::ItemsToProto(testing::SampleHistory(history),
                       request.mutable_history());
  policy::ItemsToProto(testing::SampleCandidates(candidates),
                       request.mutable_candidates());
  return request;
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_SAMPLES_H_
