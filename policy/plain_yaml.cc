// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/plain_yaml.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <sstream>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"

namespace attune::policy {
namespace {

absl::Status At(const YAML::Mark& mark, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("line ", mark.line + 1, ": ", std::string(what)));
}

// Remembers what is wrong with a document first; builds nothing.
class Inspector : public YAML::EventHandler {
 public:
  const absl::Status& status() const { return status_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Count(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    Count(mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Refuse(mark, "aliases are not taken");
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&,
                       YAML::anchor_t, YAML::EmitterStyle::value) override {
    Enter(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    Enter(mark);
  }
  void OnMapEnd() override { --depth_; }

 private:
  void Enter(const YAML::Mark& mark) {
    Count(mark);
    if (++depth_ > kMaxYamlDepth) {
      Refuse(mark, absl::StrCat("nested deeper than ", kMaxYamlDepth));
    }
  }
  void Count(const YAML::Mark& mark) {
    if (++nodes_ > kMaxYamlNodes) {
      Refuse(mark, absl::StrCat("more than ", kMaxYamlNodes, " values"));
    }
  }
  void Refuse(const YAML::Mark& mark, std::string_view what) {
    if (status_.ok()) status_ = At(mark, what);
  }

  int depth_ = 0;
  int nodes_ = 0;
  absl::Status status_;
};

absl::Status Inspect(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Inspector inspector;
  // Asked twice, never until there are no more: see the header.
  if (!parser.HandleNextDocument(inspector)) {
    return absl::InvalidArgumentError("must be one YAML document");
  }
  ATTUNE_RETURN_IF_ERROR(inspector.status());
  if (parser.HandleNextDocument(inspector)) {
    return absl::InvalidArgumentError("must be one YAML document");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<YAML::Node> ParsePlainYaml(const std::string& text) {
  try {
    ATTUNE_RETURN_IF_ERROR(Inspect(text));
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    return At(error.mark, "not valid YAML");
  }
}

}  // namespace attune::policy
