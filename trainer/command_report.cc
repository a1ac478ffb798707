// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "policy/status_macros.h"
#include "trainer/command.h"
#include "trainer/files.h"
#include "trainer/report.h"

namespace attune::trainer {
namespace {

struct ReportFlags {
  std::vector<std::string> evaluations;
  std::vector<std::string> trainings;
  std::string title = "Which prompt suits whom?";
  std::string out;
};

absl::Status Report(const ReportFlags& flags) {
  ReportSources sources{.title = flags.title};
  for (const std::string& path : flags.evaluations) {
    ATTUNE_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
    sources.evaluations.push_back({path, std::move(text)});
  }
  for (const std::string& directory : flags.trainings) {
    const std::string path =
        (std::filesystem::path(directory) / "metrics.jsonl").string();
    ATTUNE_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
    sources.trainings.push_back({path, std::move(text)});
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::string page, MakeReport(sources));
  ATTUNE_RETURN_IF_ERROR(WriteFileAtomically(flags.out, page));
  std::printf("%s: %zu KB\n", flags.out.c_str(), page.size() / 1000);
  return absl::OkStatus();
}

}  // namespace

Command AddReportCommand(CLI::App& app) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* command = app.add_subcommand(
      "report",
      "Writes one HTML page about evaluations and trainings, to look at in a\n"
      "browser. It is complete in itself and loads nothing.");
  command->add_option("evaluations", flags->evaluations,
                      "What evaluate --json wrote, a file for each data set");
  command->add_option("--training", flags->trainings,
                      "Directory of train --out, for its learning curve; may\n"
                      "be given several times");
  command->add_option("--title", flags->title, "The page's heading")
      ->capture_default_str();
  command->add_option("--out", flags->out, "The page, such as report.html")
      ->required();
  return {.app = command, .run = [flags] { return Report(*flags); }};
}

}  // namespace attune::trainer
