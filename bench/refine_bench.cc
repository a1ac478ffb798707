// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What RPP+ gains on the simulator with hidden better sentences: the same
// learner with and without refinements, at the same budget of LLM rankings.
// Values are on the scale of the first catalog: 0 is its uniform policy, 1 the
// best prompt of every user. Prints a table and writes
// build/bench/refine.json.
//
//   refine_bench [--budget 3000] [--seeds 10] [--learner ppo] [--out FILE]

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "policy/revision.h"
#include "policy/status_macros.h"
#include "trainer/refined_training.h"
#include "trainer/sim_score.h"
#include "trainer/sim_world.h"
#include "trainer/simulated_rewriter.h"
#include "trainer/statistics.h"
#include "trainer/train_setup.h"

namespace attune::trainer {
namespace {

struct Flags {
  RefinedTrainingOptions run;
  TrainSetupFlags setup;
  int first_seed = 1;
  int seeds = 10;
  std::string out = "build/bench/refine.json";
};

struct Run {
  double value = 0.0;
  int64_t rankings = 0;
  int joined = 0;
};

// Trains in the world of `seed` and scores the policy.
absl::StatusOr<Run> Learn(Flags flags, uint64_t seed, int refinements,
                          const std::string& directory) {
  flags.setup.seed = seed;
  flags.setup.backend.backend = "sim";
  ATTUNE_ASSIGN_OR_RETURN(const std::unique_ptr<TrainSetup> setup,
                          MakeTrainSetup(flags.setup, /*created_seconds=*/0));
  SimWorldOptions options =
      SimSettingOptions(ParseSimSetting(flags.setup.sim_setting).value(), seed);
  options.recency_decay = flags.setup.recency_decay;
  SimWorld world(options, *setup->settings.catalog);
  const SimBounds bounds = BoundsOf(world, world.HeldOutUsers());

  flags.run.refinements = refinements;
  flags.run.train.seed = seed;
  flags.run.train.directory = directory;
  flags.run.train.checkpoint_every = 1 << 30;
  flags.run.train.clock = [] { return 0.0; };
  SimulatedRewriter rewriter;
  ATTUNE_ASSIGN_OR_RETURN(const RefinedTrainingResult result,
                          TrainRefined(*setup, rewriter, flags.run));
  ATTUNE_ASSIGN_OR_RETURN(const auto revision,
                          policy::Revision::Load(result.revision));
  world.SetCatalog(revision->policy().catalog());
  ATTUNE_ASSIGN_OR_RETURN(const SimScore score,
                          ScoreOnSim(world, revision->policy()));
  Run run{.value = bounds.Normalised(score.policy),
          .rankings = result.rankings};
  for (const RefinementReport& report : result.refinements) {
    for (const Rewrite& rewrite : report.refinement.rewrites) {
      run.joined += rewrite.joined;
    }
  }
  return run;
}

absl::Status Bench(const Flags& flags) {
  std::string pattern =
      std::filesystem::temp_directory_path().string() + "/attune-refine-XXXXXX";
  const std::string directory = mkdtemp(pattern.data());
  nlohmann::ordered_json json = {{"learner", flags.setup.learner},
                                 {"setting", flags.setup.sim_setting},
                                 {"budget", flags.run.train.budget},
                                 {"refinements", flags.run.refinements},
                                 {"runs", nlohmann::ordered_json::array()}};
  std::vector<double> plain, refined;
  std::printf("seed    plain  refined  joined  rankings\n");
  for (int i = 0; i < flags.seeds; ++i) {
    const auto seed = static_cast<uint64_t>(flags.first_seed + i);
    ATTUNE_ASSIGN_OR_RETURN(const Run without,
                            Learn(flags, seed, 0, directory));
    ATTUNE_ASSIGN_OR_RETURN(
        const Run with, Learn(flags, seed, flags.run.refinements, directory));
    plain.push_back(without.value);
    refined.push_back(with.value);
    std::printf("%4d  %7.3f  %7.3f  %6d  %lld and %lld\n",
                static_cast<int>(seed), without.value, with.value, with.joined,
                static_cast<long long>(without.rankings),
                static_cast<long long>(with.rankings));
    std::fflush(stdout);
    json["runs"].push_back({{"seed", seed},
                            {"plain", without.value},
                            {"refined", with.value},
                            {"joined", with.joined},
                            {"rankings", with.rankings}});
  }
  std::filesystem::remove_all(directory);
  json["plain"] = {{"mean", Mean(plain)},
                   {"standard_error", StandardError(plain)}};
  json["refined"] = {{"mean", Mean(refined)},
                     {"standard_error", StandardError(refined)}};
  json["ratio"] = Mean(refined) / Mean(plain);
  std::printf("mean  %.3f+-%.3f %.3f+-%.3f (+- standard error): ratio %.3f\n",
              Mean(plain), StandardError(plain), Mean(refined),
              StandardError(refined), Mean(refined) / Mean(plain));
  std::error_code error;
  std::filesystem::create_directories(
      std::filesystem::path(flags.out).parent_path(), error);
  std::ofstream(flags.out) << json.dump(1) << "\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace attune::trainer

int main(int argc, char** argv) {
  attune::trainer::Flags flags;
  flags.run.train.budget = 3000;
  flags.setup.catalog = ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml";
  CLI::App app("Measures RPP+ on the simulator.");
  app.add_option("--budget", flags.run.train.budget, "LLM rankings a run");
  app.add_option("--batch-size", flags.run.train.batch_size,
                 "Choices tried in a round");
  app.add_option("--seeds", flags.seeds, "Worlds");
  app.add_option("--first-seed", flags.first_seed, "Seed of the first world");
  app.add_option("--learner", flags.setup.learner, "Learner");
  app.add_option("--setting", flags.setup.sim_setting, "Simulator's setting");
  app.add_option("--refinements", flags.run.refinements, "Refinements");
  app.add_option("--rewrites", flags.run.refine.rewrites, "Sentences each");
  app.add_option("--first-share", flags.run.first_share, "See refine");
  app.add_option("--refine-share", flags.run.refine_share, "See refine");
  app.add_option("--errors", flags.run.refine.errors, "See refine.h");
  app.add_option("--out", flags.out, "JSON file");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = attune::trainer::Bench(flags);
  if (status.ok()) return 0;
  std::fprintf(stderr, "refine_bench: %s\n", status.ToString().c_str());
  return 1;
}
