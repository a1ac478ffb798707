// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tests/policy/hostile_artifacts.h"

#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/stubs/logging.h"
#include "policy/digest.h"
#include "policy/random.h"
#include "policy/revision.h"
#include "policy/sanitizer.h"
#include "tests/policy/revision_tampering.h"

namespace attune::testing {
namespace {

using Manifest = v1::RevisionManifest;
using Golden = v1::GoldenVector;
using Change = std::function<void(Manifest&, std::string&)>;

constexpr uint64_t kMaxU64 = std::numeric_limits<uint64_t>::max();
constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
constexpr int32_t kMax32 = std::numeric_limits<int32_t>::max();
constexpr int32_t kMin32 = std::numeric_limits<int32_t>::min();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr uint64_t kSeed = 20261125;

// What no name may be.
const std::vector<std::pair<std::string, std::string>>& BadNames() {
  static const auto* const names =
      new std::vector<std::pair<std::string, std::string>>{
          {"..", ".."},
          {"a path up", "../../../../tmp/x"},
          {"an absolute path", "/etc/passwd"},
          {"a path down", "a/b"},
          {"a NUL", std::string("a\0b", 3)},
          {"a dot", "."},
          {"a line break", "a\nnumber 9"},
          {"a capital", "A"},
          {"a letter outside of ASCII", "caf\xc3\xa9"},
          {"64 letters", std::string(64, 'a')},
          {"a backslash", "..\\x"}};
  return *names;
}

template <typename T>
void Overwrite(std::string& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

class Collection {
 public:
  void AddAll() {
    AddCuts();
    AddManifestSizes();
    AddForeignBytes();
    AddShapes();
    AddOffsets();
    AddDescriptors();
    AddFloats();
    AddStrings();
    AddSettings();
    AddNames();
    AddCatalogs();
    AddGoldenVectors();
    AddTrailingBytes();
  }
  std::vector<HostileArtifact> Take() { return std::move(artifacts_); }

 private:
  void Add(std::string name, std::string bytes, std::string says = "") {
    artifacts_.push_back({std::move(name), std::move(bytes), std::move(says)});
  }
  void AddSealed(std::string name, std::string body, std::string says = "") {
    Add(std::move(name), Seal(std::move(body)), std::move(says));
  }
  void AddTampered(std::string name, const Change& change,
                   std::string says = "") {
    Add(std::move(name), Tamper(good_, change), std::move(says));
  }
  void AddManifest(std::string name,
                   const std::function<void(Manifest&)>& change,
                   std::string says = "") {
    AddTampered(
        std::move(name), [&](Manifest& m, std::string&) { change(m); },
        std::move(says));
  }

  // Cut at every border of the header and of what is in the payload; once as
  // it is, once with a checksum of its own.
  void AddCuts() {
    std::vector<size_t> lengths = {1, 7, 8, 9, 15, 16, 17};
    const size_t payload = PayloadBegin();
    for (const size_t at : {16 + ManifestSize(), payload}) {
      lengths.insert(lengths.end(), {at - 1, at, at + 1});
    }
    for (const auto& tensor : manifest_.tensors()) {
      lengths.push_back(payload + tensor.offset() + 4);
    }
    for (const auto& strings : manifest_.string_tables()) {
      lengths.push_back(payload + strings.offset() + 8);
    }
    lengths.push_back(body_.size() - 1);
    for (const size_t length : lengths) {
      Add(absl::StrCat("cut at ", length), good_.substr(0, length));
      AddSealed(absl::StrCat("cut at ", length, ", sealed"),
                body_.substr(0, length));
    }
    Add("without its checksum", body_, "digest");
  }

  void AddManifestSizes() {
    const uint64_t size = ManifestSize();
    for (const uint64_t lie :
         {uint64_t{0}, uint64_t{1}, size - 1, size + 64, size * 2,
          uint64_t{body_.size()}, uint64_t{512 << 10}, uint64_t{1} << 31,
          uint64_t{1} << 32, uint64_t{1} << 63, kMaxU64, kMaxU64 - 15,
          kMaxU64 - 63}) {
      std::string body = body_;
      Overwrite(body, 8, lie);
      AddSealed(absl::StrCat("a manifest of ", lie, " bytes"), body);
    }
  }

  void AddForeignBytes() {
    for (const std::string magic :
         {"ATTUNEV0", "ATTUNEV2", "attunev1", "\x7f\x45LF\x02\x01\x01",
          "PK\x03\x04    ", "GGUF\x03   ", "\x80\x04\x95    ."}) {
      std::string body = body_;
      body.replace(0, 8, magic.substr(0, 8));
      AddSealed(absl::StrCat("magic ", magic), body);
    }
    policy::Rng rng(kSeed);
    for (const size_t size : {1, 48, 1000, 100000}) {
      std::string noise(size, '\0');
      for (char& byte : noise) byte = static_cast<char>(rng.Below(256));
      Add(absl::StrCat(size, " bytes of noise"), noise);
      std::string body = body_.substr(0, 8);
      body.append(8, '\0');
      Overwrite(body, 8, uint64_t{size});
      AddSealed(absl::StrCat(size, " bytes of noise for a manifest"),
                body + noise + std::string(64, '\0'));
    }
    std::string swapped = body_;
    for (size_t i = 0; i < 4; ++i) std::swap(swapped[8 + i], swapped[15 - i]);
    AddSealed("a big-endian manifest size", swapped);
  }

  void AddShapes() {
    constexpr int64_t kBig = int64_t{1} << 32;
    for (const std::string tensor :
         {"item_embeddings", "head.hint.w1", "gru.weight_hh"}) {
      for (const std::vector<int64_t>& shape :
           std::vector<std::vector<int64_t>>{
               {kBig, kBig},
               {kBig * 4, kBig},
               {int64_t{1} << 62, 4},
               {int64_t{1} << 62, int64_t{1} << 62},
               {kMax64, 1},
               {kMax64, kMax64},
               {kMin64, kMin64},
               {kMin64, 1},
               {-1, -1},
               {-1, 4},
               {4, -1},
               {0, 4},
               {4, 0},
               {0},
               {},
               {1, 1, 1},
               {1, 1},
               {1 << 20, 1}}) {
        std::string name = absl::StrCat(tensor, " of shape");
        for (const int64_t n : shape) absl::StrAppend(&name, " ", n);
        AddManifest(name, [&](Manifest& m) {
          TensorOf(m, tensor).mutable_shape()->Assign(shape.begin(),
                                                      shape.end());
        });
      }
    }
  }

  // Overlapping, outside, misaligned.
  void AddOffsets() {
    for (int i = 1; i < manifest_.tensors_size(); i += 5) {
      const uint64_t offset = manifest_.tensors(i).offset();
      for (const uint64_t lie :
           {uint64_t{0}, offset - 64, offset - 4, offset + 1, offset + 4,
            offset + 64, uint64_t{1} << 63, kMaxU64, kMaxU64 - 63}) {
        // The second tensor lies where "offset - 64" may be 0, too.
        const std::string name = absl::StrCat("tensor ", i, " at ", lie);
        if (!artifacts_.empty() && Has(name)) continue;
        AddManifest(
            name, [&](Manifest& m) { m.mutable_tensors(i)->set_offset(lie); },
            "offset must be the next multiple of 64");
      }
    }
  }

  void AddDescriptors() {
    for (int i = 0; i < manifest_.tensors_size(); ++i) {
      const std::string& tensor = manifest_.tensors(i).name();
      AddManifest(tensor + " left out", [&](Manifest& m) {
        m.mutable_tensors()->DeleteSubrange(i, 1);
      });
    }
    for (const std::string tensor : {"item_embeddings", "head.role.bias"}) {
      AddManifest(tensor + " described twice",
                  [&](Manifest& m) { *m.add_tensors() = TensorOf(m, tensor); });
      for (const auto& [what, name] : BadNames()) {
        AddManifest(absl::StrCat(tensor, " called ", what),
                    [&](Manifest& m) { TensorOf(m, tensor).set_name(name); });
      }
    }
    AddManifest(
        "two tensors of one name",
        [](Manifest& m) {
          TensorOf(m, "head.hint.c1").set_name("head.hint.w1");
        },
        "repeated name");
    AddManifest("two tensors that changed places",
                [](Manifest& m) { m.mutable_tensors()->SwapElements(0, 1); });
    AddManifest("100,000 empty descriptors", [](Manifest& m) {
      for (int i = 0; i < 100000; ++i) m.add_tensors();
    });
  }

  void AddFloats() {
    for (const auto& tensor : manifest_.tensors()) {
      const std::string says = "tensor " + tensor.name() + ": not finite";
      for (const float bad : {kNan, kInf, -kInf}) {
        AddTampered(
            absl::StrCat(tensor.name(), " with ", bad),
            [&](Manifest&, std::string& payload) {
              Overwrite(payload, tensor.offset(), bad);
            },
            says);
      }
    }
    for (const float bad : {-0.001F, 1.001F, 1e38F, -1e38F}) {
      AddTampered(
          absl::StrCat("a popularity of ", bad),
          [&](Manifest& m, std::string& payload) {
            Overwrite(payload, TensorOf(m, "item_popularity").offset(), bad);
          },
          "entries must be in [0, 1]");
    }
  }

  void AddStrings() {
    for (const std::string table : {"item_ids", "item_titles", "item_genres"}) {
      const v1::StringTableDescriptor strings = StringsOf(manifest_, table);
      const auto with_end = [&](const char* what, int64_t index, uint64_t end) {
        AddTampered(
            absl::StrCat(table, " with ", what),
            [&](Manifest&, std::string& payload) {
              Overwrite(payload, strings.offset() + 8 * index, end);
            },
            "string table " + table);
      };
      with_end("a first string before the first byte", 0, 1);
      with_end("a decreasing end", 3, 1);
      with_end("an end of -1", 3, kMaxU64);
      with_end("an end in the next table", 3, strings.byte_size());
      with_end("a last end that is early", strings.size(), 1);
      AddTampered(
          absl::StrCat(table, " with invalid UTF-8"),
          [&](Manifest&, std::string& payload) {
            payload[strings.offset() + 8 * (strings.size() + 1)] = '\xff';
          },
          "string table " + table);
      for (const int64_t size : {int64_t{0}, int64_t{-1}, kMin64, kMax64,
                                 int64_t{1} << 61, strings.size() - 1}) {
        AddManifest(
            absl::StrCat(table, " of ", size, " strings"),
            [&](Manifest& m) { StringsOf(m, table).set_size(size); }, "string");
      }
      for (const uint64_t size :
           {uint64_t{0}, uint64_t{7}, strings.byte_size() - 1,
            strings.byte_size() + 1, kMaxU64, uint64_t{1} << 63}) {
        AddManifest(
            absl::StrCat(table, " of ", size, " bytes"),
            [&](Manifest& m) { StringsOf(m, table).set_byte_size(size); });
      }
      AddManifest(table + " left out", [&](Manifest& m) {
        StringsOf(m, table).set_name("item_nothing");
      });
    }
  }

  void AddSettings() {
    using Encoder = v1::EncoderSettings;
    for (const int32_t bad : {0, -1, 1025, kMax32, kMin32}) {
      const auto encoder = [&](const char* field,
                               void (Encoder::*set)(int32_t)) {
        AddManifest(absl::StrCat(field, " of ", bad),
                    [&](Manifest& m) { (m.mutable_encoder()->*set)(bad); });
      };
      encoder("embedding_dim", &Encoder::set_embedding_dim);
      encoder("max_history", &Encoder::set_max_history);
      encoder("option_embedding_dim", &Encoder::set_option_embedding_dim);
      encoder("gru_hidden", &Encoder::set_gru_hidden);
      encoder("ngram_buckets", &Encoder::set_ngram_buckets);
      AddManifest(absl::StrCat("hidden of ", bad),
                  [&](Manifest& m) { m.mutable_heads()->set_hidden(bad); });
      AddManifest(absl::StrCat("score_dim of ", bad),
                  [&](Manifest& m) { m.mutable_heads()->set_score_dim(bad); });
      AddManifest(absl::StrCat("heads of kind ", bad), [&](Manifest& m) {
        m.mutable_heads()->set_kind(static_cast<v1::HeadsKind>(bad));
      });
      AddManifest(absl::StrCat("readout ", bad), [&](Manifest& m) {
        m.set_readout(static_cast<v1::Readout>(bad));
      });
      AddManifest(absl::StrCat("format ", bad), [&](Manifest& m) {
        m.set_format_version(static_cast<uint32_t>(bad));
      });
    }
    for (const float bad : {kNan, kInf, -0.1F, 1.1F}) {
      AddManifest(absl::StrCat("a decay of ", bad), [&](Manifest& m) {
        m.mutable_encoder()->set_recency_decay(bad);
      });
      AddManifest(absl::StrCat("a floor of ", bad), [&](Manifest& m) {
        m.mutable_heads()->set_exploration_floor(bad);
      });
    }
    AddManifest("no time", [](Manifest& m) { m.clear_create_time(); });
    AddManifest("no encoder", [](Manifest& m) { m.clear_encoder(); });
    AddManifest("no heads", [](Manifest& m) { m.clear_heads(); });
    AddManifest("nothing at all", [](Manifest& m) { m.Clear(); });
  }

  void AddNames() {
    for (const auto& [what, name] : BadNames()) {
      AddManifest(
          absl::StrCat("a policy called ", what),
          [&](Manifest& m) { m.set_policy(name); }, "policy: ");
      AddManifest(
          absl::StrCat("a parent called ", what),
          [&](Manifest& m) { m.set_parent_revision(name); },
          "parent_revision: ");
    }
    AddManifest(
        "no policy", [](Manifest& m) { m.clear_policy(); }, "policy: ");
  }

  void AddCatalogs() {
    for (const HostileCatalog& catalog : HostileCatalogs()) {
      // Protobuf finds bytes that are no text before the catalog is looked at.
      AddManifest(
          "a catalog with " + catalog.name,
          [&](Manifest& m) {
            m.set_catalog_yaml(catalog.yaml);
            m.set_catalog_digest(policy::Sha256Hex(catalog.yaml));
          },
          policy::IsValidUtf8(catalog.yaml) ? "catalog" : "manifest: ");
    }
    for (const std::string& digest :
         {std::string(), std::string(64, '0'), std::string("../x")}) {
      AddManifest(
          "catalog digest '" + digest + "'",
          [&](Manifest& m) { m.set_catalog_digest(digest); },
          "catalog_digest: ");
    }
  }

  void AddGoldenVectors() {
    const auto add = [&](const char* name,
                         const std::function<void(Golden&)>& change) {
      for (const int i : {0, 1}) {
        AddManifest(
            absl::StrCat("golden vector ", i, " with ", name),
            [&](Manifest& m) { change(*m.mutable_golden_vectors(i)); },
            absl::StrCat("golden vector ", i, ": "));
      }
    };
    add("another seed", [](Golden& g) { g.set_seed(g.seed() + 77); });
    add("another state", [](Golden& g) { g.set_state(1, g.state(1) + 1e-3F); });
    add("a state of NaN", [](Golden& g) { g.set_state(1, kNan); });
    add("half a state", [](Golden& g) { g.mutable_state()->Truncate(3); });
    add("no state", [](Golden& g) { g.clear_state(); });
    add("a long state", [](Golden& g) { g.add_state(0.0F); });
    add("option -1", [](Golden& g) { g.set_options(0, -1); });
    add("option 2^31 - 1", [](Golden& g) { g.set_options(0, kMax32); });
    add("no options", [](Golden& g) { g.clear_options(); });
    add("a probability of NaN",
        [](Golden& g) { g.set_probabilities(0, kNan); });
    add("a probability of 2", [](Golden& g) { g.set_probabilities(0, 2.0F); });
    add("no probabilities", [](Golden& g) { g.clear_probabilities(); });
    add("another prompt",
        [](Golden& g) { (*g.mutable_prompt_sha256())[0] ^= 1; });
    add("no prompt", [](Golden& g) { g.clear_prompt_sha256(); });
    add("no history", [](Golden& g) { g.clear_history(); });
    add("no candidates", [](Golden& g) { g.clear_candidates(); });
    add("one candidate twice",
        [](Golden& g) { *g.mutable_candidates(0) = g.candidates(1); });
    add("1,001 items of history", [](Golden& g) {
      const v1::Item item = g.history(0);
      while (g.history_size() < 1001) {
        v1::Item& more = *g.add_history();
        more = item;
        more.set_item_id(absl::StrCat("more-", g.history_size()));
      }
    });
    add("an item id of 257 bytes", [](Golden& g) {
      g.mutable_candidates(0)->set_item_id(std::string(257, 'a'));
    });
    AddManifest(
        "no golden vectors", [](Manifest& m) { m.clear_golden_vectors(); },
        "golden_vectors: at least 1");
    AddTampered(
        "other weights than its golden vectors'",
        [](Manifest& m, std::string& payload) {
          Overwrite(payload, TensorOf(m, "head.hint.bias").offset(), 3.0F);
        },
        "golden vector 0: ");
  }

  void AddTrailingBytes() {
    for (const size_t count : {1, 32, 64, 1000}) {
      Add(absl::StrCat(count, " bytes behind its checksum"),
          good_ + std::string(count, '\0'), "digest");
      AddSealed(absl::StrCat(count, " zeros behind its payload"),
                body_ + std::string(count, '\0'),
                "payload: bytes after the last descriptor");
      AddSealed(absl::StrCat(count, " bytes behind its payload"),
                body_ + std::string(count, 'x'),
                "payload: bytes after the last descriptor");
    }
    Add("another one behind it", good_ + good_, "digest");
    AddSealed("another one behind it, sealed", body_ + good_);
  }

  bool Has(const std::string& name) const {
    for (const HostileArtifact& artifact : artifacts_) {
      if (artifact.name == name) return true;
    }
    return false;
  }

  uint64_t ManifestSize() const {
    uint64_t size = 0;
    std::memcpy(&size, good_.data() + 8, sizeof(size));
    return size;
  }
  size_t PayloadBegin() const { return (16 + ManifestSize() + 63) / 64 * 64; }

  const std::string good_ = SmallArtifact();
  const std::string body_ = WithoutSeal(good_);
  Manifest manifest_ =
      policy::revision_internal::OpenEnvelope(good_).value().manifest;
  std::vector<HostileArtifact> artifacts_;
};

}  // namespace

std::vector<HostileArtifact> HostileArtifacts() {
  // Protobuf has words about texts that are none.
  const google::protobuf::LogSilencer silencer;
  Collection collection;
  collection.AddAll();
  return collection.Take();
}

}  // namespace attune::testing
