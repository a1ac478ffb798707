// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/revision_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/digest.h"
#include "server/error_reason.h"
#include "server/policy_handler.h"
#include "tests/server/samples.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;

class RevisionRegistryTest : public ::testing::Test {
 protected:
  RevisionRegistryTest() {
    auto catalog = policy::Catalog::Parse(TaggedCatalogYaml("uniform"));
    EXPECT_TRUE(catalog.ok()) << catalog.status();
    uniform_ = policy::Revision::Uniform(*catalog, policy::Readout::kLabels);
    Open();
  }

  void Open(size_t max_revisions = 1000) {
    registry_.reset();
    auto opened =
        RevisionRegistry::Open({directory(), uniform_, max_revisions});
    ASSERT_THAT(opened, IsOk());
    registry_ = *std::move(opened);
  }

  // Stores and activates; returns the id.
  std::string Add(const std::string& tag) {
    const std::string part = dir_.Write("part", MakeArtifact(tag));
    const auto stored = registry_->Add(part);
    EXPECT_THAT(stored, IsOk());
    EXPECT_THAT(registry_->Activate(stored->revision->id()), IsOk());
    return stored->revision->id();
  }

  std::string directory() const { return dir_.path() + "/revisions"; }
  std::string FileOf(const std::string& id) const {
    return "revisions/" + id + ".attune";
  }
  std::string Active() const { return registry_->Current()->id(); }

  TempDir dir_;
  std::shared_ptr<const policy::Revision> uniform_;
  std::unique_ptr<RevisionRegistry> registry_;
};

TEST_F(RevisionRegistryTest, ServesUniformlyAtFirst) {
  EXPECT_EQ(registry_->Current(), uniform_);
  EXPECT_EQ(registry_->Find(uniform_->id()), uniform_);
  EXPECT_TRUE(registry_->List().empty());
  EXPECT_THAT(registry_->Rollback(),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(RevisionRegistryTest, FindsEverythingAgainAfterARestart) {
  const std::string one = Add("one");
  const std::string two = Add("two");
  Open();
  EXPECT_EQ(Active(), two);
  EXPECT_EQ(registry_->List().size(), 2u);
  EXPECT_EQ(registry_->List()[0].revision->id(), two);
  EXPECT_THAT(registry_->Rollback(), IsOk());
  EXPECT_EQ(Active(), one);
  Open();
  EXPECT_EQ(Active(), one);
}

TEST_F(RevisionRegistryTest, FallsBackIfTheActiveFileIsCorrupt) {
  const std::string one = Add("one");
  const std::string two = Add("two");
  const std::string three = Add("three");
  std::string bytes = ReadFile(dir_.path() + "/" + FileOf(three));
  bytes[bytes.size() / 2] ^= 1;
  dir_.Write(FileOf(three), bytes);
  Open();
  EXPECT_EQ(Active(), two);
  EXPECT_EQ(registry_->Find(three), nullptr);
  // The file is left for a person to look at.
  EXPECT_EQ(ReadFile(dir_.path() + "/" + FileOf(three)), bytes);
}

TEST_F(RevisionRegistryTest, ServesUniformlyIfNothingIsUsable) {
  const std::string one = Add("one");
  dir_.Write(FileOf(one), "");
  Open();
  EXPECT_EQ(Active(), uniform_->id());
}

TEST_F(RevisionRegistryTest, NeverServesAFileWithAnotherNamesBytes) {
  const std::string one = Add("one");
  const std::string two = Add("two");
  dir_.Write(FileOf(two), ReadFile(dir_.path() + "/" + FileOf(one)));
  Open();
  EXPECT_EQ(Active(), one);
  EXPECT_EQ(registry_->List().size(), 1u);
}

TEST_F(RevisionRegistryTest, ServesUniformlyIfTheStateIsUnreadable) {
  const std::string one = Add("one");
  for (const char* state : {"", "{", "[]", R"({"format":2})",
                            R"({"format":1,"activations":[1]})"}) {
    dir_.Write("revisions/state.json", state);
    Open();
    EXPECT_EQ(Active(), uniform_->id()) << state;
    EXPECT_NE(registry_->Find(one), nullptr);
  }
  EXPECT_THAT(registry_->Activate(one), IsOk());
  Open();
  EXPECT_EQ(Active(), one);
}

TEST_F(RevisionRegistryTest, CorruptBytesAreMendedByANewPush) {
  const std::string one = Add("one");
  dir_.Write(FileOf(one), "corrupt");
  Open();
  EXPECT_EQ(Add("one"), one);
  Open();
  EXPECT_EQ(Active(), one);
}

TEST_F(RevisionRegistryTest, CanGoBackToTheUniformRevision) {
  Add("one");
  EXPECT_THAT(registry_->Activate(uniform_->id()), IsOk());
  Open();
  EXPECT_EQ(Active(), uniform_->id());
}

TEST_F(RevisionRegistryTest, OrdersGoOnWhileItIsVerified) {
  const std::string one = Add("one");
  Add("two");
  const std::string part = dir_.Write("part", MakeArtifact("three"));
  bool rolled_back = false;
  EXPECT_THAT(registry_->Add(part, {},
                             [&](int64_t) {
                               EXPECT_THAT(registry_->Rollback(), IsOk());
                               rolled_back = true;
                             }),
              IsOk());
  EXPECT_TRUE(rolled_back);
  EXPECT_EQ(Active(), one);
}

TEST_F(RevisionRegistryTest, AnotherMayTakeTheLastPlaceWhileItIsVerified) {
  Open(/*max_revisions=*/1);
  const std::string part = dir_.Write("late", MakeArtifact("two"));
  const auto late = registry_->Add(part, {}, [this](int64_t) { Add("one"); });
  EXPECT_EQ(ReasonOf(late.status()), "TOO_MANY_REVISIONS");
  EXPECT_EQ(registry_->List().size(), 1u);
}

TEST_F(RevisionRegistryTest, WhoGaveUpActivatesNothing) {
  const std::string one = Add("one");
  const std::string artifact = MakeArtifact("two");
  UploadArea uploads(registry_->incoming_directory(), 1 << 20);
  Pace pace(0);
  Metrics metrics([] { return ""; });
  const PolicyHandler handler(registry_.get(), &uploads, &pace, &metrics);
  v1::PushRevisionRequest header;
  header.mutable_header()->set_digest(policy::Sha256Hex(artifact));
  header.mutable_header()->set_byte_size(static_cast<int64_t>(artifact.size()));
  header.mutable_header()->set_activate(true);
  v1::PushRevisionRequest data;
  data.set_data(artifact);
  v1::PushRevisionResponse response;
  {
    PushSession given_up(&handler, "", [] { return true; });
    ASSERT_THAT(given_up.OnMessage(header), IsOk());
    ASSERT_THAT(given_up.OnMessage(data), IsOk());
    EXPECT_THAT(given_up.OnEnd(&response),
                StatusIs(absl::StatusCode::kCancelled));
    EXPECT_EQ(Active(), one);
  }
  PushSession again(&handler, "", [] { return false; });
  ASSERT_THAT(again.OnMessage(header), IsOk());
  EXPECT_TRUE(again.is_answered());
  EXPECT_THAT(again.OnEnd(&response), IsOk());
  EXPECT_EQ(Active(), policy::RevisionIdOf(artifact));
}

TEST_F(RevisionRegistryTest, RefusesABadPartAndKeepsIt) {
  const std::string part = dir_.Write("part", "no revision");
  EXPECT_THAT(registry_->Add(part),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_TRUE(registry_->List().empty());
  EXPECT_EQ(ReadFile(part), "no revision");
}

TEST_F(RevisionRegistryTest, KeepsNoMoreRevisionsThanAllowed) {
  Open(1);
  const std::string one = Add("one");
  const auto refused = registry_->Add(dir_.Write("part", MakeArtifact("two")));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(Active(), one);
}

TEST_F(RevisionRegistryTest, ActivatesNothingIfTheStateCannotBeWritten) {
  const std::string one = Add("one");
  const std::string two =
      registry_->Add(dir_.Write("part", MakeArtifact("two")))->revision->id();
  // A directory in the way of the state's temporary file.
  std::filesystem::create_directories(directory() + "/state.json.tmp/x");
  EXPECT_FALSE(registry_->Activate(two).ok());
  EXPECT_EQ(Active(), one);
  EXPECT_FALSE(registry_->Rollback().ok());
  EXPECT_EQ(Active(), one);
}

TEST_F(RevisionRegistryTest, ActivateNamesAnUnknownRevision) {
  const absl::Status status = registry_->Activate("stranger");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(ReasonOf(status), "REVISION_NOT_FOUND");
}

}  // namespace
}  // namespace attune::server
