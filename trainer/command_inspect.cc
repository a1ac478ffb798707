// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <google/protobuf/util/json_util.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "policy/catalog.h"
#include "policy/revision.h"
#include "policy/status_macros.h"
#include "trainer/command.h"

namespace attune::trainer {
namespace {

struct InspectFlags {
  std::string revision;
  bool json = false;
};

absl::Status PrintJson(const v1::RevisionManifest& manifest) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(manifest, &json, options)
           .ok()) {
    return absl::InternalError("the manifest cannot be written as JSON");
  }
  std::printf("%s\n", json.c_str());
  return absl::OkStatus();
}

void PrintLineage(const policy::Option& option) {
  const policy::Lineage& lineage = *option.lineage;
  std::printf(
      "    %s, rewritten from %s by %s (%s) for revision %s:\n      %s\n"
      "      reward %.4f, its parent's %.4f, on %d tasks\n",
      option.id.c_str(), lineage.parent.c_str(), lineage.model.c_str(),
      lineage.instruction.c_str(), lineage.revision.c_str(),
      option.text.c_str(), lineage.reward, lineage.parent_reward,
      lineage.tasks);
}

void PrintText(const policy::Revision& revision) {
  const v1::RevisionManifest& manifest = revision.manifest();
  const v1::TrainingFacts& facts = manifest.training();
  std::printf("revision   %s (%lld bytes, verified)\n", revision.id().c_str(),
              static_cast<long long>(revision.byte_size()));
  std::printf("policy     %s, parent %s\n", manifest.policy().c_str(),
              manifest.parent_revision().empty()
                  ? "none"
                  : manifest.parent_revision().c_str());
  std::printf("training   %s on %s, %lld LLM rankings, seed %llu\n",
              facts.learner().c_str(), facts.dataset().c_str(),
              static_cast<long long>(facts.llm_calls()),
              static_cast<unsigned long long>(facts.seed()));
  std::printf("llm        %s\n", facts.llm().c_str());
  std::printf("readout    %s\nheads      %s, exploration floor %.3f\n",
              v1::Readout_Name(manifest.readout()).c_str(),
              v1::HeadsKind_Name(manifest.heads().kind()).c_str(),
              manifest.heads().exploration_floor());
  std::printf("catalog    %s, digest %s\n",
              revision.policy().catalog().name.c_str(),
              manifest.catalog_digest().c_str());
  for (const policy::Pattern& pattern : revision.policy().catalog().patterns) {
    std::printf("  pattern  %-10s %zu options\n", pattern.name.c_str(),
                pattern.options.size());
    for (const policy::Option& option : pattern.options) {
      if (option.lineage.has_value()) PrintLineage(option);
    }
  }
  for (const v1::TensorDescriptor& tensor : manifest.tensors()) {
    std::string shape;
    for (const int64_t n : tensor.shape()) {
      shape += (shape.empty() ? "" : " x ") + std::to_string(n);
    }
    std::printf("  tensor   %-24s %s\n", tensor.name().c_str(), shape.c_str());
  }
  std::printf("golden     %d vectors, reproduced\n",
              manifest.golden_vectors_size());
}

absl::Status Inspect(const InspectFlags& flags) {
  ATTUNE_ASSIGN_OR_RETURN(const auto revision,
                          policy::Revision::LoadFile(flags.revision));
  if (flags.json) return PrintJson(revision->manifest());
  PrintText(*revision);
  return absl::OkStatus();
}

}  // namespace

Command AddInspectCommand(CLI::App& app) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* command = app.add_subcommand(
      "inspect", "Verifies a revision and prints what is in it.");
  command->add_option("--revision", flags->revision, "The revision's file")
      ->required();
  command->add_flag("--json", flags->json, "Print the manifest as JSON");
  return {.app = command, .run = [flags] { return Inspect(*flags); }};
}

}  // namespace attune::trainer
