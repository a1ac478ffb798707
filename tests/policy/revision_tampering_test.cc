// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Artifacts that must not load.

#include "tests/policy/revision_tampering.h"

#include <cstring>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"
#include "policy/revision.h"
#include "tests/testing/environment.h"
#include "tests/testing/policy_builders.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::FromEnvironment;
using ::attune::testing::kSmallCatalogYaml;
using ::attune::testing::MakeRevisionParts;
using ::attune::testing::Seal;
using ::attune::testing::SmallArtifact;
using ::attune::testing::StatusIs;
using ::attune::testing::StringsOf;
using ::attune::testing::Tamper;
using ::attune::testing::TensorOf;
using ::attune::testing::WithoutSeal;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class TamperedRevisionTest : public ::testing::Test {
 protected:
  template <typename MessageMatcher>
  static void ExpectRejected(const std::string& artifact,
                             MessageMatcher message) {
    EXPECT_THAT(Revision::Load(artifact),
                StatusIs(absl::StatusCode::kInvalidArgument, message));
  }
  template <typename Change, typename MessageMatcher>
  void ExpectRejectedAfter(Change change, MessageMatcher message) const {
    ExpectRejected(Tamper(artifact_, change), message);
  }
  // Changes the manifest only.
  template <typename Change, typename MessageMatcher>
  void ExpectManifestRejected(Change change, MessageMatcher message) const {
    ExpectRejectedAfter(
        [&](v1::RevisionManifest& manifest, std::string&) { change(manifest); },
        message);
  }

  const std::string artifact_ = SmallArtifact();
};

TEST_F(TamperedRevisionTest, IsAcceptedWhenNothingWasChanged) {
  EXPECT_EQ(Tamper(artifact_, [](auto&, auto&) {}), artifact_);
  EXPECT_THAT(Revision::Load(artifact_), ::attune::testing::IsOk());
}

// Each byte becomes some others; with ATTUNE_FLIPS=255, every other one.
TEST_F(TamperedRevisionTest, IsRejectedWithAnyByteChanged) {
  const int flips = FromEnvironment("ATTUNE_FLIPS", 3);
  int64_t refused = 0;
  std::string damaged = artifact_;
  for (size_t i = 0; i < damaged.size(); ++i) {
    for (int k = 0; k < flips; ++k) {
      // 86 and 255 have no common divisor, so no mask comes twice.
      const size_t mask = 1 + (i + 86 * k) % 255;
      damaged[i] = static_cast<char>(artifact_[i] ^ mask);
      ASSERT_THAT(Revision::Load(damaged),
                  StatusIs(absl::StatusCode::kInvalidArgument,
                           AnyOf(StartsWith("digest"), StartsWith("magic"))))
          << "byte " << i << " xor " << mask;
      ++refused;
    }
    damaged[i] = artifact_[i];
  }
  std::cout << "[ flips    ] " << damaged.size() << " bytes, " << refused
            << " artifacts, all refused\n";
}

TEST_F(TamperedRevisionTest, IsRejectedWhereverItIsCut) {
  std::vector<size_t> lengths;
  for (size_t i = 0; i < 64; ++i) lengths.push_back(artifact_.size() * i / 64);
  for (size_t i = 0; i < 128; ++i) lengths.push_back(i);
  for (size_t i = 1; i < 64; ++i) lengths.push_back(artifact_.size() - i);
  for (const size_t length : lengths) {
    ASSERT_THAT(Revision::Load(artifact_.substr(0, length)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AnyOf(StartsWith("digest"), StartsWith("truncated"))))
        << "length " << length;
  }
}

TEST_F(TamperedRevisionTest, IsRejectedWhereverItIsCutAndSealedAnew) {
  const std::string body = WithoutSeal(artifact_);
  for (size_t i = 0; i < 64; ++i) {
    ASSERT_THAT(Revision::Load(Seal(body.substr(0, body.size() * i / 64))),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << "length " << body.size() * i / 64;
  }
}

// With a right checksum a changed weight may load, since that is what training
// does; nothing may crash, and everything but the weights is held still.
TEST_F(TamperedRevisionTest, SurvivesBytesChangedAndSealedAnew) {
  const google::protobuf::LogSilencer silencer;
  std::string body = WithoutSeal(artifact_);
  int rejected = 0;
  for (size_t i = 0; i < body.size(); i += 3) {
    const char flip = static_cast<char>(1 << (i % 8));
    body[i] ^= flip;
    const auto revision = Revision::Load(Seal(body));
    if (!revision.ok()) {
      ++rejected;
      ASSERT_EQ(revision.status().code(), absl::StatusCode::kInvalidArgument);
    }
    body[i] ^= flip;
  }
  EXPECT_GT(rejected, static_cast<int>(body.size() / 12));
}

TEST_F(TamperedRevisionTest, NeedsItsMagic) {
  std::string body = WithoutSeal(artifact_);
  body[7] = '2';
  ExpectRejected(Seal(body), StartsWith("magic"));
}

TEST_F(TamperedRevisionTest, ChecksTheSizeOfTheManifest) {
  std::string body = WithoutSeal(artifact_);
  for (const uint64_t size :
       {std::numeric_limits<uint64_t>::max(),
        std::numeric_limits<uint64_t>::max() - 15, uint64_t{512 * 1024 + 1}}) {
    std::memcpy(body.data() + 8, &size, sizeof(size));
    ExpectRejected(Seal(body), "manifest: at most 524288 bytes");
  }
  const uint64_t beyond = body.size();
  std::memcpy(body.data() + 8, &beyond, sizeof(beyond));
  ExpectRejected(Seal(body), StartsWith("truncated"));
}

TEST_F(TamperedRevisionTest, ChecksThatTheManifestParses) {
  std::string body = WithoutSeal(artifact_);
  body[16] = static_cast<char>(0xFF);
  ExpectRejected(Seal(body), "manifest: not a RevisionManifest");
}

TEST_F(TamperedRevisionTest, HidesNothingInThePadding) {
  uint64_t manifest_size = 0;
  std::memcpy(&manifest_size, artifact_.data() + 8, sizeof(manifest_size));
  const size_t end = 16 + manifest_size;
  // A longer name moves the end of the manifest off the boundary if need be.
  std::string artifact = artifact_;
  if (end % 64 == 0) {
    artifact =
        Tamper(artifact_, [](auto& m, auto&) { m.set_policy("longer"); });
    std::memcpy(&manifest_size, artifact.data() + 8, sizeof(manifest_size));
  }
  std::string body = WithoutSeal(artifact);
  body[16 + manifest_size] = 'x';
  ExpectRejected(Seal(body), "manifest: padding after it is not zero");
  ExpectRejectedAfter(
      [](auto& m, std::string& payload) {
        payload[TensorOf(m, "ngram_weights").offset() - 1] = 'x';
      },
      HasSubstr("padding before it is not zero"));
  ExpectRejectedAfter([](auto&, std::string& payload) { payload += '\0'; },
                      "payload: bytes after the last descriptor");
}

TEST_F(TamperedRevisionTest, ChecksShapesWithoutOverflow) {
  const auto with_shape = [&](std::vector<int64_t> shape,
                              const std::string& message) {
    ExpectManifestRejected(
        [&](auto& m) {
          auto& tensor = TensorOf(m, "item_embeddings");
          tensor.mutable_shape()->Assign(shape.begin(), shape.end());
        },
        HasSubstr(message));
  };
  constexpr int64_t kHuge = int64_t{1} << 62;
  with_shape({kHuge, kHuge}, "shape is larger than the payload");
  with_shape({kHuge, 4}, "shape is larger than the payload");
  with_shape({int64_t{1} << 32, int64_t{1} << 32},
             "shape is larger than the payload");
  with_shape({0, 4}, "dimensions must be at least 1");
  with_shape({-1, 4}, "dimensions must be at least 1");
  with_shape({40, -4}, "dimensions must be at least 1");
  with_shape({}, "shape must have 1 or 2 dimensions");
  with_shape({40, 2, 2}, "shape must have 1 or 2 dimensions");
}

TEST_F(TamperedRevisionTest, ChecksOffsets) {
  for (const uint64_t offset : {uint64_t{0}, uint64_t{1}, uint64_t{64},
                                std::numeric_limits<uint64_t>::max(),
                                std::numeric_limits<uint64_t>::max() - 63}) {
    ExpectManifestRejected(
        [&](auto& m) { TensorOf(m, "ngram_weights").set_offset(offset); },
        HasSubstr("offset must be the next multiple of 64"));
  }
  ExpectManifestRejected(
      [](auto& m) {
        StringsOf(m, "item_genres")
            .set_byte_size(std::numeric_limits<uint64_t>::max());
      },
      HasSubstr("ends outside the payload"));
}

TEST_F(TamperedRevisionTest, ChecksNames) {
  ExpectManifestRejected(
      [](auto& m) { TensorOf(m, "head.hint.w1").set_name("head.hint.w9"); },
      "tensor head.hint.w1: missing");
  ExpectManifestRejected(
      [](auto& m) { TensorOf(m, "head.hint.c1").set_name("head.hint.w1"); },
      HasSubstr("repeated name"));
  ExpectManifestRejected(
      [](auto& m) { StringsOf(m, "item_ids").set_name("item_titles"); },
      HasSubstr("repeated name"));
  ExpectManifestRejected(
      [](auto& m) { StringsOf(m, "item_ids").set_name("ids"); },
      "string table item_ids: missing");
}

TEST_F(TamperedRevisionTest, ChecksThatFloatsAreFinite) {
  for (const float bad : {kNan, -kNan, std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (const std::string name : {"head.hint.w1", "item_embeddings",
                                   "gru.bias_hh", "option_projection"}) {
      ExpectRejectedAfter(
          [&](auto& m, std::string& payload) {
            const auto& tensor = TensorOf(m, name);
            int64_t count = 1;
            for (const int64_t n : tensor.shape()) count *= n;
            std::memcpy(payload.data() + tensor.offset() + 4 * (count - 1),
                        &bad, sizeof(bad));
          },
          "tensor " + name + ": not finite");
    }
  }
}

TEST_F(TamperedRevisionTest, ChecksThatPopularityIsAQuantile) {
  const float bad = 1.5F;
  ExpectRejectedAfter(
      [&](auto& m, std::string& payload) {
        std::memcpy(payload.data() + TensorOf(m, "item_popularity").offset(),
                    &bad, sizeof(bad));
      },
      "tensor item_popularity: entries must be in [0, 1]");
}

TEST_F(TamperedRevisionTest, ChecksStringTables) {
  const auto with_end = [&](int index, uint64_t end, const auto& message) {
    ExpectRejectedAfter(
        [&](auto& m, std::string& payload) {
          std::memcpy(
              payload.data() + StringsOf(m, "item_ids").offset() + 8 * index,
              &end, sizeof(end));
        },
        message);
  };
  with_end(0, 1, "string table item_ids: end offset 0 is wrong");
  with_end(2, 3, "string table item_ids: end offset 2 is wrong");
  with_end(2, std::numeric_limits<uint64_t>::max(),
           "string table item_ids: end offset 2 is wrong");
  with_end(40, 319, "string table item_ids: bytes after the last string");
  for (const int64_t size : {int64_t{0}, int64_t{-1}, int64_t{1} << 61,
                             std::numeric_limits<int64_t>::max()}) {
    ExpectManifestRejected(
        [&](auto& m) { StringsOf(m, "item_ids").set_size(size); },
        HasSubstr("size must be at least 1"));
  }
  ExpectManifestRejected(
      [](auto& m) { StringsOf(m, "item_titles").set_size(39); },
      "string table item_titles: must have 40 strings");
}

TEST_F(TamperedRevisionTest, ChecksTheManifestsFields) {
  struct Case {
    void (*change)(v1::RevisionManifest&);
    const char* message;
  };
  using M = v1::RevisionManifest;
  for (const Case& c : std::vector<Case>{
           {[](M& m) { m.set_format_version(2); }, "format_version: "},
           {[](M& m) { m.clear_policy(); }, "policy: "},
           {[](M& m) { m.set_policy("A"); }, "policy: "},
           {[](M& m) { m.set_policy(std::string(64, 'a')); }, "policy: "},
           {[](M& m) { m.set_parent_revision(std::string(64, 'a')); },
            "parent_revision: "},
           {[](M& m) { m.clear_create_time(); }, "create_time: "},
           {[](M& m) { m.clear_readout(); }, "readout: "},
           {[](M& m) { m.set_readout(static_cast<v1::Readout>(9)); },
            "readout: "},
           {[](M& m) { m.clear_encoder(); }, "encoder.embedding_dim: "},
           {[](M& m) { m.mutable_encoder()->set_embedding_dim(1025); },
            "encoder.embedding_dim: "},
           {[](M& m) { m.mutable_encoder()->set_max_history(0); },
            "encoder.max_history: "},
           {[](M& m) { m.mutable_encoder()->set_ngram_buckets(3); },
            "encoder.ngram_buckets: "},
           {[](M& m) { m.mutable_encoder()->set_gru_hidden(-1); },
            "encoder.gru_hidden: "},
           {[](M& m) { m.mutable_encoder()->set_recency_decay(kNan); },
            "encoder.recency_decay: "},
           {[](M& m) { m.mutable_encoder()->set_recency_decay(0); },
            "encoder.recency_decay: "},
           {[](M& m) { m.mutable_encoder()->set_option_embedding_dim(0); },
            "encoder.option_embedding_dim: "},
           {[](M& m) { m.mutable_heads()->clear_kind(); }, "heads.kind: "},
           {[](M& m) { m.mutable_heads()->set_hidden(0); }, "heads.hidden: "},
           {[](M& m) { m.mutable_heads()->set_score_dim(-5); },
            "heads.score_dim: "},
           {[](M& m) { m.mutable_heads()->set_exploration_floor(kNan); },
            "heads.exploration_floor: "},
           {[](M& m) { m.mutable_heads()->set_exploration_floor(1.01F); },
            "heads.exploration_floor: "}}) {
    ExpectManifestRejected(c.change, StartsWith(c.message));
  }
}

TEST_F(TamperedRevisionTest, ChecksShapesAgainstTheSettings) {
  ExpectManifestRejected(
      [](auto& m) { m.mutable_encoder()->set_embedding_dim(5); },
      "tensor item_embeddings: shape must be [any, 5]");
  ExpectManifestRejected([](auto& m) { m.mutable_heads()->set_hidden(4); },
                         HasSubstr("shape must be [4, "));
  ExpectManifestRejected(
      [](auto& m) { m.mutable_heads()->set_kind(v1::HEADS_KIND_INDEPENDENT); },
      HasSubstr(".w1: shape must be ["));
}

TEST_F(TamperedRevisionTest, ChecksTheCatalog) {
  ExpectManifestRejected(
      [](auto& m) { m.set_catalog_digest(std::string(64, '0')); },
      "catalog_digest: does not match catalog_yaml");
  const auto with_yaml = [&](const std::string& yaml, const auto& message) {
    ExpectManifestRejected(
        [&](auto& m) {
          m.set_catalog_yaml(yaml);
          m.set_catalog_digest(Sha256Hex(yaml));
        },
        message);
  };
  with_yaml(std::string(kSmallCatalogYaml) + "\nno_such_key: 1\n",
            HasSubstr("unknown key"));
  with_yaml("", StartsWith("catalog: "));
  with_yaml(std::string(256 * 1024 + 1, '#'),
            "catalog_yaml: 262145 bytes, at most 262144");
}

TEST_F(TamperedRevisionTest, ReplaysTheGoldenVectors) {
  const auto with_golden = [&](const auto& change, const std::string& message) {
    ExpectManifestRejected(
        [&](auto& m) { change(*m.mutable_golden_vectors(1)); }, message);
  };
  using G = v1::GoldenVector;
  with_golden([](G& g) { g.set_state(3, g.state(3) + 2e-4F); },
              "golden vector 1: state[3] differs by more than 0.0001");
  with_golden([](G& g) { g.set_state(0, kNan); },
              "golden vector 1: state[0] differs by more than 0.0001");
  with_golden([](G& g) { g.mutable_state()->RemoveLast(); },
              "golden vector 1: state must have 25 entries");
  with_golden([](G& g) { g.set_options(0, g.options(0) + 1); },
              "golden vector 1: options differ");
  with_golden([](G& g) { g.add_options(0); },
              "golden vector 1: options differ");
  with_golden([](G& g) { g.set_probabilities(1, g.probabilities(1) + 2e-4F); },
              "golden vector 1: probabilities[1] differs by more than 0.0001");
  with_golden([](G& g) { (*g.mutable_prompt_sha256())[31] ^= 1; },
              "golden vector 1: prompt differs");
  with_golden([](G& g) { g.clear_candidates(); },
              "golden vector 1: candidates: 0 items, at least 2");
  ExpectManifestRejected([](auto& m) { m.clear_golden_vectors(); },
                         "golden_vectors: at least 1");
}

TEST_F(TamperedRevisionTest, NoticesOtherWeights) {
  const float other = 3.0F;
  ExpectRejectedAfter(
      [&](auto& m, std::string& payload) {
        std::memcpy(payload.data() + TensorOf(m, "head.hint.bias").offset(),
                    &other, sizeof(other));
      },
      StartsWith("golden vector 0: "));
}

// The smallest floats are numbers like others.
TEST(RevisionDenormalsTest, AreFinite) {
  RevisionParts parts =
      MakeRevisionParts(kSmallCatalogYaml, HeadsKind::kIndependent, 3);
  for (NamedTensor& tensor : parts.tensors) {
    if (tensor.name == "head.hint.w1" || tensor.name == "item_popularity") {
      tensor.values[0] = std::numeric_limits<float>::denorm_min();
    }
  }
  const auto artifact = EncodeRevision(parts);
  ASSERT_THAT(artifact, ::attune::testing::IsOk());
  EXPECT_THAT(Revision::Load(*artifact), ::attune::testing::IsOk());
}

class EncodeRevisionTest : public ::testing::Test {
 protected:
  template <typename MessageMatcher>
  void ExpectRejected(MessageMatcher message) const {
    EXPECT_THAT(EncodeRevision(parts_),
                StatusIs(absl::StatusCode::kInvalidArgument, message));
  }
  NamedTensor& Tensor(const std::string& name) {
    for (NamedTensor& tensor : parts_.tensors) {
      if (tensor.name == name) return tensor;
    }
    ADD_FAILURE() << name;
    return parts_.tensors[0];
  }

  RevisionParts parts_ =
      MakeRevisionParts(kSmallCatalogYaml, HeadsKind::kIndependent, 3);
};

TEST_F(EncodeRevisionTest, RejectsAShapeThatIsNotThatOfTheValues) {
  Tensor("option_projection").shape = {5, 7};
  ExpectRejected("tensor option_projection: 30 values, the shape has 35");
}

TEST_F(EncodeRevisionTest, RejectsNan) {
  Tensor("head.hint.w2").values[0] = kNan;
  ExpectRejected("tensor head.hint.w2: not finite");
}

TEST_F(EncodeRevisionTest, RejectsWhatNobodyAskedFor) {
  parts_.tensors.push_back({"extra", {1}, {1.0F}});
  ExpectRejected(HasSubstr("unknown name"));
  parts_.tensors.pop_back();
  parts_.strings.push_back({"extra", {"x"}});
  ExpectRejected("string_tables[3]: unknown name");
}

TEST_F(EncodeRevisionTest, RejectsUnorderedOrUnfitIds) {
  std::vector<std::string>& ids = parts_.strings[0].values;
  const std::vector<std::string> good = ids;
  std::swap(ids[4], ids[5]);
  ExpectRejected(StartsWith("string table item_ids: string 5 is empty or not"));
  ids = good;
  ids[6] = ids[5];
  ExpectRejected(StartsWith("string table item_ids: string 6 is empty or not"));
  ids = good;
  ids[0] = "";
  ExpectRejected(StartsWith("string table item_ids: string 0 is empty or not"));
  ids = good;
  ids[39] = "\xFF";
  ExpectRejected("string table item_ids: string 39 is not valid UTF-8");
  ids[39] = std::string(257, 'z');
  ExpectRejected("string table item_ids: string 39 has 257 bytes, at most 256");
}

TEST_F(EncodeRevisionTest, RejectsInvalidGoldenInputs) {
  parts_.golden_inputs[0].candidates.resize(1);
  ExpectRejected("candidates: 1 items, at least 2");
}

TEST_F(EncodeRevisionTest, NeedsAGoldenInputForTrainedHeads) {
  parts_.golden_inputs.clear();
  ExpectRejected("golden_vectors: at least 1");
}

TEST_F(EncodeRevisionTest, RejectsAManifestThatIsTooLarge) {
  parts_.manifest.mutable_training()->set_llm(std::string(512 * 1024, 'x'));
  ExpectRejected(HasSubstr("at most 524288"));
}

}  // namespace
}  // namespace attune::policy
