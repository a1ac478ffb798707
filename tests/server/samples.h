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
