// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tests/policy/hostile_artifacts.h"

#include <iostream>
#include <set>

#include "gmock/gmock.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"
#include "policy/catalog.h"
#include "policy/revision.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::HostileArtifact;
using ::attune::testing::HostileArtifacts;
using ::attune::testing::HostileCatalog;
using ::attune::testing::HostileCatalogs;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

TEST(HostileArtifactsTest, AreManyAndDistinct) {
  std::set<std::string> names;
  std::set<std::string> bytes;
  for (const HostileArtifact& artifact : HostileArtifacts()) {
    EXPECT_TRUE(names.insert(artifact.name).second) << artifact.name;
    EXPECT_TRUE(bytes.insert(artifact.bytes).second) << artifact.name;
  }
  EXPECT_GE(bytes.size(), 200U);
  std::cout << "[ hostile  ] " << bytes.size() << " artifacts\n";
}

TEST(HostileArtifactsTest, AreAllRefusedByTheCheckThatIsMeant) {
  const google::protobuf::LogSilencer silencer;
  for (const HostileArtifact& artifact : HostileArtifacts()) {
    EXPECT_THAT(
        Revision::Load(artifact.bytes),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(artifact.says)))
        << artifact.name;
  }
}

TEST(HostileArtifactsTest, HoldNoCatalogThatParses) {
  for (const HostileCatalog& catalog : HostileCatalogs()) {
    EXPECT_THAT(Catalog::Parse(catalog.yaml),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << catalog.name;
  }
}

}  // namespace
}  // namespace attune::policy
