// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/sanitizer.h"
#include "policy/status_macros.h"
#include "trainer/caching_backend.h"
#include "trainer/checkpoint.h"
#include "trainer/command.h"
#include "trainer/files.h"
#include "trainer/llm_rewriter.h"
#include "trainer/openai_backend.h"
#include "trainer/refined_training.h"
#include "trainer/simulated_rewriter.h"
#include "trainer/train_setup.h"

namespace attune::trainer {
namespace {

constexpr int kRewriteTokens = 96;

struct RefineFlags {
  TrainSetupFlags setup;
  RefinedTrainingOptions options;
  std::string out = "run";
  bool overwrite = false;
  std::string rewriter_url;
  std::string rewriter_model;
  std::string rewriter_key_file;
  double rewriter_temperature = 0.7;
  std::string rewrite_cache;
};

// The LLM that rewrites, and what it needs.
struct RewritingLlm {
  std::unique_ptr<LlmBackend> backend;
  std::unique_ptr<Rewriter> rewriter;
};

absl::StatusOr<RewritingLlm> MakeRewriter(const RefineFlags& flags) {
  RewritingLlm llm;
  if (flags.setup.backend.backend == "sim" && flags.rewriter_url.empty()) {
    llm.rewriter = std::make_unique<SimulatedRewriter>();
    return llm;
  }
  if (flags.rewriter_url.empty() || flags.rewriter_model.empty()) {
    return absl::InvalidArgumentError(
        "--rewriter-url and --rewriter-model are needed");
  }
  ATTUNE_ASSIGN_OR_RETURN(
      llm.backend, OpenAiBackend::Create(
                       {.url = flags.rewriter_url,
                        .api_key_file = flags.rewriter_key_file,
                        .chat = {.model = flags.rewriter_model,
                                 .max_tokens = kRewriteTokens,
                                 .temperature = flags.rewriter_temperature}}));
  ATTUNE_ASSIGN_OR_RETURN(
      llm.backend,
      flags.setup.backend.traces.Trace(
          std::move(llm.backend),
          DescribeEndpoint(flags.rewriter_url, flags.rewriter_model)));
  if (!flags.rewrite_cache.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(
        llm.backend,
        CachingBackend::Create(std::move(llm.backend), flags.rewrite_cache));
  }
  llm.rewriter =
      std::make_unique<LlmRewriter>(*llm.backend, flags.rewriter_model);
  return llm;
}

absl::Status PrepareDirectory(const RefineFlags& flags) {
  std::error_code error;
  std::filesystem::create_directories(flags.out, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("--out ", flags.out, ": cannot be created"));
  }
  if (!flags.overwrite && std::filesystem::exists(CheckpointPath(flags.out))) {
    return absl::FailedPreconditionError(
        absl::StrCat(flags.out, " holds a run: --overwrite starts anew"));
  }
  return absl::OkStatus();
}

void Print(const RefinementReport& report) {
  const Refinement& refinement = report.refinement;
  std::fprintf(stderr,
               "%s: advantage %.4f, the worst; option %s is rewritten: %s\n",
               report.pattern.c_str(), report.advantage, report.option.c_str(),
               report.sentence.c_str());
  if (!refinement.rewriter.ok()) {
    std::fprintf(stderr, "  the rewriter failed, the catalog stays: %s\n",
                 refinement.rewriter.ToString().c_str());
  }
  for (const Rewrite& rewrite : refinement.rewrites) {
    if (rewrite.refusal.has_value()) {
      std::fprintf(stderr, "  refused, %-9s %.200s\n", Name(*rewrite.refusal),
                   policy::Sanitize(rewrite.sentence, 200).c_str());
      continue;
    }
    std::fprintf(stderr, "  %-7s %.4f against %.4f on %d tasks: %s\n",
                 rewrite.joined ? "joined" : "dropped", rewrite.reward,
                 rewrite.parent_reward, rewrite.tasks,
                 rewrite.sentence.c_str());
  }
  std::fprintf(stderr, "  %lld rankings\n",
               static_cast<long long>(refinement.rankings));
}

absl::Status Refine(RefineFlags& flags) {
  if (flags.setup.backend.workers.given() &&
      flags.setup.backend.backend == "sim") {
    return absl::InvalidArgumentError(
        "--workers: a simulated LLM must know the sentences that are tried, "
        "and workers cannot");
  }
  ATTUNE_RETURN_IF_ERROR(PrepareDirectory(flags));
  ATTUNE_ASSIGN_OR_RETURN(const RewritingLlm llm, MakeRewriter(flags));
  RefinedTrainingOptions options = flags.options;
  flags.setup.seed = options.train.seed;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  ATTUNE_ASSIGN_OR_RETURN(
      const std::unique_ptr<TrainSetup> setup,
      MakeTrainSetup(
          flags.setup,
          std::chrono::duration_cast<std::chrono::seconds>(now).count()));
  options.train.directory = flags.out;
  options.train.fingerprint = policy::Sha256Hex(setup->fingerprint);
  options.train.clock = [] {
    return std::chrono::duration<double>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  options.on_refinement = Print;
  ATTUNE_ASSIGN_OR_RETURN(const RefinedTrainingResult result,
                          TrainRefined(*setup, *llm.rewriter, options));
  const std::string path = absl::StrCat(flags.out, "/revision.attune");
  ATTUNE_RETURN_IF_ERROR(WriteFileAtomically(path, result.revision));
  ATTUNE_RETURN_IF_ERROR(WriteFileAtomically(
      absl::StrCat(flags.out, "/catalog.yaml"), setup->settings.catalog->yaml));
  std::printf("%s %s\n", policy::RevisionIdOf(result.revision).c_str(),
              path.c_str());
  std::fprintf(stderr, "%lld rankings in all, %zu refinements\n",
               static_cast<long long>(result.rankings),
               result.refinements.size());
  if (setup->report) std::fputs(setup->report(result.revision).c_str(), stderr);
  return absl::OkStatus();
}

void AddRefineFlags(CLI::App& command, RefineFlags& flags) {
  RefinedTrainingOptions& options = flags.options;
  command.add_option("--budget", options.train.budget,
                     "LLM rankings of the whole run, refinements included");
  command.add_option("--batch-size", options.train.batch_size,
                     "Choices tried in a round");
  command.add_option("--seed", options.train.seed, "Seed of the run");
  command.add_option("--refinements", options.refinements,
                     "Times that a pattern is refined");
  command.add_option("--rewrites", options.refine.rewrites,
                     "Sentences asked for, each time");
  command.add_option("--first-share", options.first_share,
                     "Share of the budget before the first refinement");
  command.add_option("--refine-share", options.refine_share,
                     "Share of the budget for the trials of each refinement");
  command.add_option("--rewriter-url", flags.rewriter_url,
                     "OpenAI-compatible endpoint of the LLM that rewrites;\n"
                     "not needed with --backend sim");
  command.add_option("--rewriter-model", flags.rewriter_model, "Its model");
  command.add_option("--rewriter-api-key-file", flags.rewriter_key_file,
                     "File that holds its API key");
  command.add_option("--rewriter-temperature", flags.rewriter_temperature,
                     "Of its decoding");
  command.add_option("--rewrite-cache", flags.rewrite_cache,
                     "SQLite file that keeps its answers");
  command.add_option("--out", flags.out,
                     "Directory for revision.attune, catalog.yaml and\n"
                     "metrics.jsonl");
  command.add_flag("--overwrite", flags.overwrite,
                   "Start anew in a directory that holds a run");
}

}  // namespace

Command AddRefineCommand(CLI::App& app) {
  auto flags = std::make_shared<RefineFlags>();
  CLI::App* command = app.add_subcommand(
      "refine",
      "Trains while an LLM rewrites the catalog's weakest sentences (RPP+).");
  command->option_defaults()->always_capture_default();
  flags->setup.AddTo(*command);
  AddRefineFlags(*command, *flags);
  command->footer(
      "A rewrite that fails the lint or its trials is dropped and named; the\n"
      "run goes on with what it has. Example:\n"
      "  attune_trainer refine --data DIR/ml-100k --backend llama \\\n"
      "      --model SmolLM2-135M-Instruct.Q4_1.gguf --budget 600 \\\n"
      "      --catalog policy/catalogs/movies.yaml --out run \\\n"
      "      --rewriter-url http://localhost:8080/v1 --rewriter-model NAME");
  return {.app = command, .run = [flags] { return Refine(*flags); }};
}

}  // namespace attune::trainer
