// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/revision.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/digest.h"
#include "tests/policy/revision_tampering.h"
#include "tests/testing/policy_builders.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::kSampleItems;
using ::attune::testing::kSmallCatalogYaml;
using ::attune::testing::MakeRevisionParts;
using ::attune::testing::SampleCandidates;
using ::attune::testing::SampleHistory;
using ::attune::testing::SampleItem;
using ::attune::testing::SmallArtifact;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A file that is gone when the test is.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    std::string name =
        (std::filesystem::temp_directory_path() / "attune-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    EXPECT_GE(fd, 0);
    ::close(fd);
    path_ = name;
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string PromptOf(const Revision& revision, uint64_t seed) {
  const auto history = SampleHistory(8);
  const auto candidates = SampleCandidates(10);
  return revision.policy()
      .Decide({.history = history, .candidates = candidates, .seed = seed})
      .value()
      .prompt.CanonicalBytes();
}

TEST(RevisionTest, LoadsWhatWasEncoded) {
  const std::string artifact = SmallArtifact();
  const auto revision = Revision::Load(artifact);
  ASSERT_THAT(revision, IsOk());
  const Policy& policy = (*revision)->policy();
  EXPECT_EQ(policy.catalog().yaml, kSmallCatalogYaml);
  EXPECT_EQ(policy.readout(), Readout::kLikelihood);
  EXPECT_EQ(policy.encoder().items().size(), kSampleItems);
  EXPECT_EQ(policy.encoder().items().title(7), SampleItem(7).title);
  EXPECT_EQ(policy.encoder().settings().ngram_buckets, 4);
  EXPECT_EQ(policy.actor().settings().kind, HeadsKind::kAutoregressive);
  EXPECT_EQ((*revision)->manifest().policy(), "sample");
  EXPECT_EQ((*revision)->manifest().golden_vectors_size(), 2);
  EXPECT_EQ((*revision)->byte_size(), static_cast<int64_t>(artifact.size()));
}

TEST(RevisionTest, KeepsEveryFloat) {
  auto parts = MakeRevisionParts(kSmallCatalogYaml, HeadsKind::kIndependent, 5);
  const std::vector<float> embeddings = parts.tensors[0].values;
  ASSERT_EQ(parts.tensors[0].name, "item_embeddings");
  const auto revision =
      Revision::Load(EncodeRevision(std::move(parts)).value()).value();
  const MatrixView& loaded = revision->policy().encoder().items().embeddings();
  ASSERT_EQ(loaded.size(), static_cast<int64_t>(embeddings.size()));
  for (int64_t i = 0; i < loaded.size(); ++i) {
    ASSERT_EQ(loaded.data()[i], embeddings[i]);
  }
  EXPECT_EQ(reinterpret_cast<uintptr_t>(loaded.data()) % 64, 0U);
}

TEST(RevisionTest, IsNamedByTheDigestOfItsBytes) {
  const std::string artifact = SmallArtifact();
  const auto revision = Revision::Load(artifact).value();
  EXPECT_EQ(revision->digest(), Sha256Hex(artifact));
  EXPECT_EQ(revision->digest(), RevisionDigestOf(artifact));
  EXPECT_EQ(revision->id(), RevisionIdOf(artifact));
  EXPECT_EQ(revision->id(), Sha256Hex(artifact).substr(0, 16));
}

TEST(RevisionTest, EncodesTheSameBytesFromTheSameParts) {
  EXPECT_EQ(SmallArtifact(), SmallArtifact());
  EXPECT_NE(SmallArtifact(), SmallArtifact(HeadsKind::kIndependent));
}

TEST(RevisionTest, DecodesIntoThePartsThatMadeIt) {
  const std::string artifact = SmallArtifact();
  const RevisionParts parts = DecodeRevision(artifact).value();
  EXPECT_EQ(EncodeRevision(parts).value(), artifact);
  EXPECT_THAT(DecodeRevision(artifact.substr(1)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(RevisionTest, DecidesTheSameFromAFileAndFromMemory) {
  const std::string artifact = SmallArtifact();
  const TemporaryFile file(artifact);
  const auto mapped = Revision::LoadFile(file.path());
  ASSERT_THAT(mapped, IsOk());
  const auto loaded = Revision::Load(artifact).value();
  EXPECT_EQ((*mapped)->id(), loaded->id());
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(PromptOf(**mapped, seed), PromptOf(*loaded, seed));
  }
}

TEST(RevisionTest, TellsOfEveryByteThatItVerifies) {
  const std::string artifact = SmallArtifact();
  const TemporaryFile file(artifact);
  int64_t told = 0;
  ASSERT_THAT(
      Revision::LoadFile(file.path(), [&](int64_t bytes) { told += bytes; }),
      IsOk());
  EXPECT_EQ(told, static_cast<int64_t>(artifact.size()) - kSha256Bytes);
}

// What a stream says on the way does not end it.
TEST(DigestTest, OfPiecesIsThatOfTheWhole) {
  Sha256Stream stream;
  EXPECT_EQ(stream.Digest(), Sha256(""));
  stream.Add("ab");
  EXPECT_EQ(stream.HexDigest(), Sha256Hex("ab"));
  stream.Add("");
  stream.Add("c");
  EXPECT_EQ(stream.HexDigest(), Sha256Hex("abc"));
  EXPECT_EQ(stream.Digest(), Sha256("abc"));
}

TEST(RevisionTest, OutlivesItsFilesName) {
  const std::string artifact = SmallArtifact();
  std::shared_ptr<const Revision> mapped;
  {
    const TemporaryFile file(artifact);
    mapped = Revision::LoadFile(file.path()).value();
  }
  EXPECT_EQ(PromptOf(*mapped, 1),
            PromptOf(*Revision::Load(artifact).value(), 1));
}

TEST(RevisionTest, ReportsFilesThatAreNone) {
  EXPECT_THAT(Revision::LoadFile("/nonexistent/revision"),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(
      Revision::LoadFile("/tmp"),
      StatusIs(absl::StatusCode::kInvalidArgument, "not a regular file"));
  const TemporaryFile empty("");
  EXPECT_THAT(
      Revision::LoadFile(empty.path()),
      StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("truncated")));
  const TemporaryFile short_file(SmallArtifact().substr(0, 1000));
  EXPECT_THAT(
      Revision::LoadFile(short_file.path()),
      StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("digest")));
}

TEST(RevisionTest, LoadsUniformRevisionsWithoutWeights) {
  auto parts = MakeRevisionParts(kSmallCatalogYaml, HeadsKind::kUniform, 3);
  ASSERT_TRUE(parts.tensors.empty());
  const auto revision =
      Revision::Load(EncodeRevision(std::move(parts)).value());
  ASSERT_THAT(revision, IsOk());
  EXPECT_EQ((*revision)->policy().encoder().items().size(), 0);
}

TEST(RevisionTest, LoadsRevisionsWithoutItemTable) {
  auto parts = MakeRevisionParts(kSmallCatalogYaml, HeadsKind::kIndependent, 3);
  parts.strings.clear();
  std::erase_if(parts.tensors, [](const NamedTensor& tensor) {
    return tensor.name.starts_with("item_");
  });
  const auto revision =
      Revision::Load(EncodeRevision(std::move(parts)).value());
  ASSERT_THAT(revision, IsOk());
  EXPECT_EQ((*revision)->policy().encoder().items().size(), 0);
}

TEST(UniformRevisionTest, ServesBeforeAnyWasPushed) {
  const auto catalog = Catalog::Parse(kSmallCatalogYaml).value();
  const auto revision = Revision::Uniform(catalog, Readout::kLabels);
  EXPECT_EQ(revision->id(), "uniform-" + catalog->digest.substr(0, 8));
  EXPECT_EQ(revision->byte_size(), 0);
  EXPECT_EQ(revision->policy().readout(), Readout::kLabels);
  EXPECT_EQ(revision->manifest().heads().kind(), v1::HEADS_KIND_UNIFORM);
  EXPECT_EQ(revision->manifest().catalog_digest(), catalog->digest);
  EXPECT_FALSE(PromptOf(*revision, 1).empty());
}

}  // namespace
}  // namespace attune::policy
