// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Every file operation of a push and of changes of the traffic fails in turn, and
// the power goes after every answer: what was acknowledged is there afterwards.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policy/digest.h"
#include "server/audit_log.h"
#include "server/revision_registry.h"
#include "server/upload.h"
#include "tests/server/samples.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/fault_files.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::FaultFiles;
using ::attune::testing::IsOk;

class RegistryFaultsTest : public ::testing::Test {
 protected:
  struct Acknowledged {
    std::set<std::string> stored;
    std::set<std::string> deleted;
    // What may be active: the last change that was acknowledged, and those after
    // it that failed, for an error leaves open how far it came.
    std::set<std::string> active;
  };

  RegistryFaultsTest()
      : uniform_(policy::Revision::Uniform(
            policy::Catalog::Parse(TaggedCatalogYaml("uniform")).value(),
            policy::Readout::kLabels)) {}

  std::unique_ptr<RevisionRegistry> Open(const std::string& directory) {
    auto opened = RevisionRegistry::Open({directory, uniform_});
    EXPECT_THAT(opened, IsOk());
    return opened.ok() ? *std::move(opened) : nullptr;
  }

  // As a push does it. Empty if it failed.
  std::string Push(RevisionRegistry& registry, const std::string& artifact) {
    UploadArea area(registry.incoming_directory(), 1 << 20);
    const std::string digest = policy::Sha256Hex(artifact);
    const auto offset = area.OffsetOf(digest);
    if (!offset.ok()) return "";
    auto upload =
        area.Begin(digest, static_cast<int64_t>(artifact.size()), *offset);
    if (!upload.ok() || !(*upload)->Append(artifact.substr(*offset)).ok() ||
        !(*upload)->Finish().ok()) {
      return "";
    }
    const auto stored = registry.Add((*upload)->path());
    return stored.ok() ? stored->revision->id() : "";
  }

  void Activate(RevisionRegistry& registry, const std::string& id) {
    if (id.empty()) return;
    const std::string before = registry.Current()->id();
    const bool ok = registry.Activate(id).ok();
    if (ok) acknowledged_.active.clear();
    acknowledged_.active.insert(id);
    EXPECT_EQ(registry.Current()->id(), ok ? id : before);
  }

  // Pushes, changes, a rollback and a deletion; `after` is called after each.
  template <typename After>
  void Work(RevisionRegistry& registry, const After& after) {
    acknowledged_ = {.active = {uniform_->id()}};
    std::vector<std::string> ids;
    for (const std::string& artifact : artifacts_) {
      ids.push_back(Push(registry, artifact));
      if (!ids.back().empty()) acknowledged_.stored.insert(ids.back());
      after();
      Activate(registry, ids.back());
      after();
    }
    if (registry.Rollback().ok()) {
      acknowledged_.active = {registry.Current()->id()};
    } else {
      acknowledged_.active.insert({uniform_->id(), ids[0]});
    }
    after();
    if (!ids[1].empty() && registry.Current()->id() != ids[1]) {
      acknowledged_.stored.erase(ids[1]);
      if (registry.Delete(ids[1]).ok()) acknowledged_.deleted.insert(ids[1]);
      after();
    }
  }

  void ExpectAcknowledged(const std::string& directory,
                          const std::string& what) {
    const auto registry = Open(directory);
    ASSERT_NE(registry, nullptr) << what;
    for (const std::string& id : acknowledged_.stored) {
      EXPECT_NE(registry->Find(id), nullptr) << what << ": lost " << id;
    }
    for (const std::string& id : acknowledged_.deleted) {
      EXPECT_EQ(registry->Find(id), nullptr) << what << ": deleted " << id;
    }
    EXPECT_TRUE(acknowledged_.active.contains(registry->Current()->id()))
        << what << ": active is " << registry->Current()->id();
    EXPECT_THAT(VerifyAuditLog(ReadFile(directory + "/audit.jsonl")), IsOk())
        << what;
  }

  const std::shared_ptr<const policy::Revision> uniform_;
  const std::vector<std::string> artifacts_ = {
      MakeArtifact("one", policy::HeadsKind::kUniform),
      MakeArtifact("two", policy::HeadsKind::kUniform)};
  TempDir dir_;
  FaultFiles files_;
  Acknowledged acknowledged_;
};

TEST_F(RegistryFaultsTest, LoseNothingAcknowledgedWhateverOperationFails) {
  int failures = 0;
  for (const int error : {ENOSPC, EIO}) {
    for (const bool for_ever : {false, true}) {
      bool failed = true;
      for (int n = 1; failed; ++n) {
        const std::string directory = dir_.path() + "/faults";
        std::filesystem::remove_all(directory);
        auto registry = Open(directory);
        ASSERT_NE(registry, nullptr);
        files_.Fail(n, error, for_ever);
        Work(*registry, [] {});
        failed = files_.Heal();
        registry.reset();
        failures += failed ? 1 : 0;
        ExpectAcknowledged(directory,
                           "operation " + std::to_string(n) + " errno " +
                               std::to_string(error) +
                               (for_ever ? " and all later ones" : ""));
        if (HasFailure()) return;
      }
    }
  }
  std::cout << "[ faults   ] " << failures << " operations failed\n";
  EXPECT_GT(failures, 100);
}

TEST_F(RegistryFaultsTest, LoseNothingAcknowledgedWhenThePowerGoes) {
  const std::string directory = dir_.path() + "/live";
  const std::string left = dir_.path() + "/left";
  const auto registry = Open(directory);
  ASSERT_NE(registry, nullptr);
  int losses = 0;
  Work(*registry, [&] {
    std::filesystem::remove_all(left);
    files_.CopySynced(directory, left);
    ExpectAcknowledged(left, "after answer " + std::to_string(++losses));
  });
  EXPECT_EQ(losses, 6);
}

}  // namespace
}  // namespace attune::server
