// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "policy/digest.h"
#include "policy/status_macros.h"
#include "trainer/checkpoint.h"
#include "trainer/command.h"
#include "trainer/files.h"
#include "trainer/flags.h"
#include "trainer/ope.h"
#include "trainer/train_from_log.h"
#include "trainer/train_setup.h"
#include "trainer/trainer.h"

namespace attune::trainer {
namespace {

struct TrainFlags {
  TrainSetupFlags setup;
  TrainOptions train;
  std::string out = "run";
  bool overwrite = false;
  std::vector<std::string> from_log;
  bool imitate = false;
  std::string parent;
};

std::atomic<bool> interrupted = false;

double MonotonicSeconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Reproducible artifacts: SOURCE_DATE_EPOCH overrides the clock.
int64_t CreatedSeconds() {
  int64_t seconds = 0;
  const char* fixed = std::getenv("SOURCE_DATE_EPOCH");
  if (fixed != nullptr && absl::SimpleAtoi(fixed, &seconds)) return seconds;
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// One line that is rewritten on a terminal; a line now and then elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(int64_t budget)
      : budget_(budget), terminal_(isatty(STDERR_FILENO) != 0) {}

  void Show(const RoundReport& report) {
    if (first_rankings_ < 0) {
      first_rankings_ = report.totals.rankings - report.samples;
      start_ = MonotonicSeconds() - report.seconds;
    }
    const double now = MonotonicSeconds();
    const bool done = report.totals.rankings >= budget_;
    if (!terminal_ && !done && now - last_ < kQuietSeconds) return;
    last_ = now;
    const double elapsed = std::max(now - start_, 1e-9);
    const double rate =
        static_cast<double>(report.totals.rankings - first_rankings_) / elapsed;
    const auto left = static_cast<double>(
        std::max<int64_t>(0, budget_ - report.totals.rankings));
    std::fprintf(stderr,
                 "%s%lld of %lld rankings, %.1f calls/s, reward %.3f, "
                 "%lld dropped, %.0f s left%s",
                 terminal_ ? "\r\033[K" : "",
                 static_cast<long long>(report.totals.rankings),
                 static_cast<long long>(budget_), rate, report.reward,
                 static_cast<long long>(report.totals.dropped),
                 rate > 0 ? left / rate : 0.0, terminal_ && !done ? "" : "\n");
  }

 private:
  static constexpr double kQuietSeconds = 5.0;
  const int64_t budget_;
  const bool terminal_;
  int64_t first_rankings_ = -1;
  double start_ = 0.0;
  double last_ = 0.0;
};

std::string RevisionPath(const TrainFlags& flags) {
  return absl::StrCat(flags.out, "/revision.attune");
}

// Refuses a directory that holds a run which is not to go on.
absl::Status CheckDirectory(const TrainFlags& flags) {
  std::error_code error;  // what cannot be looked at fails when written to
  if (!flags.train.resume && !flags.overwrite &&
      std::filesystem::exists(CheckpointPath(flags.out), error)) {
    return absl::FailedPreconditionError(absl::StrCat(
        flags.out,
        " holds a run: --resume goes on with it, --overwrite starts anew"));
  }
  return absl::OkStatus();
}

absl::Status CreateDirectory(const TrainFlags& flags) {
  std::error_code error;
  std::filesystem::create_directories(flags.out, error);
  if (!error) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--out ", flags.out, ": cannot be created"));
}

// And prints its id.
absl::Status WriteRevision(const TrainFlags& flags,
                           const std::string& revision) {
  const std::string path = RevisionPath(flags);
  ATTUNE_RETURN_IF_ERROR(WriteFileAtomically(path, revision));
  std::printf("%s %s\n", policy::RevisionIdOf(revision).c_str(), path.c_str());
  return absl::OkStatus();
}

std::string GainInWords(const TrainResult& result) {
  if (!result.gain.has_value()) return "";
  return absl::StrFormat(
      "%s: gain over the best fixed prompt %.4f [%.4f, %.4f]\n",
      result.stopped_early ? "stopped, the interval is narrow enough"
                           : "the budget is spent",
      result.gain->mean, result.gain->low, result.gain->high);
}

void Tell(const TrainResult& result) {
  const std::string text = absl::StrFormat(
      "%d rankings learned from, %d default prompts, %d LLM calls, %d from the "
      "cache, %d dropped; sha256 %s\n"
      "%.1f s, in %.2f %% of which the LLM had nothing to do\n",
      result.totals.rankings, result.totals.defaults, result.totals.llm_calls,
      result.totals.cache_hits, result.totals.dropped,
      policy::RevisionDigestOf(result.revision), result.seconds,
      100.0 * result.llm_idle_share);
  std::fputs((text + GainInWords(result)).c_str(), stderr);
}

absl::Status Train(TrainFlags& flags) {
  ATTUNE_RETURN_IF_ERROR(CheckDirectory(flags));
  ATTUNE_RETURN_IF_ERROR(CreateDirectory(flags));
  flags.setup.seed = flags.train.seed;
  flags.setup.episode_length = flags.train.episode_length;
  ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<TrainSetup> setup,
                          MakeTrainSetup(flags.setup, CreatedSeconds()));
  ProgressLine progress(flags.train.budget);
  TrainOptions options = flags.train;
  options.directory = flags.out;
  options.clock = MonotonicSeconds;
  options.fingerprint =
      policy::Sha256Hex(absl::StrCat(setup->fingerprint, Describe(options)));
  options.on_round = [&](const RoundReport& report) {
    progress.Show(report);
    return !interrupted.load();
  };
  std::signal(SIGINT, [](int) { interrupted = true; });
  std::signal(SIGTERM, [](int) { interrupted = true; });
  ATTUNE_ASSIGN_OR_RETURN(
      const TrainResult result,
      trainer::Train(setup->source, *setup->backend, *setup->learner,
                     setup->settings, setup->golden, options));
  ATTUNE_RETURN_IF_ERROR(WriteRevision(flags, result.revision));
  Tell(result);
  if (setup->report) std::fputs(setup->report(result.revision).c_str(), stderr);
  return absl::OkStatus();
}

void Tell(const TrainedFromLog& trained) {
  const LearnedFromLog& learned = trained.learned;
  const std::string text = absl::StrFormat(
      "%d rewards of %d users learned from, parent %s, temperature %.2f\n"
      "gain over the decisions in the log, on users not learned from: %.4f "
      "[%.4f, %.4f], jointly for %d temperatures\n",
      trained.log.samples.size(), trained.log.users, trained.parent,
      learned.temperature, learned.gain.value, learned.gain.low,
      learned.gain.high, learned.temperatures);
  std::fputs(text.c_str(), stderr);
}

void Tell(const TrainedByImitation& trained) {
  const Agreement& agreement = trained.learned.agreement;
  std::string text = absl::StrFormat(
      "%d apprentice decisions of %d users learned from, parent %s\n"
      "agrees with the caller on users not learned from: %.3f of the choices "
      "(the parent %.3f); by pattern",
      trained.log.samples.size(), trained.log.users, trained.parent,
      agreement.whole_choice, trained.learned.before.whole_choice);
  for (const double share : agreement.patterns) {
    absl::StrAppendFormat(&text, " %.3f", share);
  }
  if (const auto own = OwnValue(trained.log); own.has_value()) {
    absl::StrAppendFormat(
        &text, "\nthe caller's own prompt earned %.4f [%.4f, %.4f], %d rewards",
        own->value, own->low, own->high, trained.log.own.rewards.size());
  }
  std::fputs((text + "\n").c_str(), stderr);
}

// What was learned becomes the revision, or nothing does.
template <typename Trained>
absl::Status Keep(const TrainFlags& flags,
                  const absl::StatusOr<Trained>& trained) {
  ATTUNE_RETURN_IF_ERROR(trained.status());
  ATTUNE_RETURN_IF_ERROR(CreateDirectory(flags));
  ATTUNE_RETURN_IF_ERROR(WriteRevision(flags, trained->revision));
  Tell(*trained);
  return absl::OkStatus();
}

// Without an LLM, and without rounds: no checkpoint, the revision or nothing.
absl::Status TrainOnLog(const TrainFlags& flags, bool floor_given) {
  if (flags.train.resume) {
    return absl::InvalidArgumentError(
        "--resume: a training from a log has no checkpoint");
  }
  if (!flags.overwrite && std::filesystem::exists(RevisionPath(flags))) {
    return absl::FailedPreconditionError(
        absl::StrCat(RevisionPath(flags), " exists: --overwrite replaces it"));
  }
  ATTUNE_RETURN_IF_ERROR(CheckDirectory(flags));
  TrainFromLogRun run{.logs = flags.from_log,
                      .parent = flags.parent,
                      .catalog = flags.setup.catalog,
                      .seed = flags.train.seed,
                      .created_seconds = CreatedSeconds()};
  ATTUNE_ASSIGN_OR_RETURN(run.readout, ParseReadout(flags.setup.readout));
  if (floor_given) run.exploration_floor = flags.setup.exploration_floor;
  return flags.imitate ? Keep(flags, TrainByImitation(run))
                       : Keep(flags, TrainFromLog(run));
}

void AddPlannerFlags(CLI::App& command, PlannerOptions& planner) {
  command
      .add_option("--uncertain-share", planner.uncertain_share,
                  "Share of a round's users chosen because their personal\n"
                  "gain is least certain; [0, 1)")
      ->capture_default_str();
  command
      .add_option("--stop-width", planner.stop_width,
                  "Stops when the 95 % interval of the gain over the best\n"
                  "fixed prompt is no wider (0: never)")
      ->capture_default_str();
  command
      .add_option("--stop-after", planner.stop_after,
                  "Rankings to learn from before that")
      ->capture_default_str();
}

void AddLoopFlags(CLI::App& command, TrainFlags& flags) {
  command
      .add_option("--budget", flags.train.budget, "LLM rankings to learn from")
      ->capture_default_str();
  command
      .add_option("--batch-size", flags.train.batch_size,
                  "Choices tried in a round")
      ->capture_default_str();
  command
      .add_option("--choices-per-task", flags.train.choices_per_task,
                  "Choices tried on each user's task, under equal conditions;\n"
                  "0: as the learner likes it")
      ->capture_default_str();
  command.add_flag(
      "--share-beginning", flags.train.share_beginning,
      "The choices on a task share the history, halves of them the\n"
      "hint: with a catalog of `layout: data_first` an LLM that\n"
      "keeps what prompts begin with evaluates about half of\n"
      "them. For an LLM that is slow: less is learned a ranking");
  command.add_flag("--default-baseline", flags.train.default_baseline,
                   "Ask the default prompt once a task as well");
  command
      .add_option("--draws-per-user", flags.train.draws_per_user,
                  "Tasks of one user before the first comes again (0: never)")
      ->capture_default_str();
  command
      .add_option("--episode-length", flags.train.episode_length,
                  "Iterations T of an episode")
      ->capture_default_str();
  AddPlannerFlags(command, flags.train.planner);
  command.add_option("--seed", flags.train.seed, "Seed of the run")
      ->capture_default_str();
  command
      .add_option("--out", flags.out,
                  "Directory for revision.attune, metrics.jsonl and the\n"
                  "checkpoint")
      ->capture_default_str();
  command
      .add_option("--checkpoint-every", flags.train.checkpoint_every,
                  "Rounds between checkpoints")
      ->capture_default_str();
  command.add_flag("--resume", flags.train.resume,
                   "Go on from the directory's checkpoint");
  command.add_flag("--overwrite", flags.overwrite,
                   "Start anew in a directory that holds a run");
}

}  // namespace

Command AddTrainCommand(CLI::App& app) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* command =
      app.add_subcommand("train", "Trains the agents and writes a revision.");
  flags->setup.AddTo(*command);
  AddLoopFlags(*command, *flags);
  CLI::Option* from_log =
      command->add_option("--from-log", flags->from_log,
                          "Learn from logged decisions (attune export-log)\n"
                          "instead of an LLM's answers; may be repeated");
  command
      ->add_flag("--imitate", flags->imitate,
                 "--from-log: learn to choose as the caller did in apprentice\n"
                 "mode, instead of from rewards")
      ->needs(from_log);
  command->add_option("--parent", flags->parent,
                      "--from-log: the revision that decided, to be continued\n"
                      "(without one: the uniform revision of --catalog)");
  command->footer(
      "Ctrl-C checkpoints and stops. Example, without any LLM:\n"
      "  attune_trainer train --backend sim --budget 600 --out run\n"
      "      --catalog policy/catalogs/movies.yaml\n"
      "Ranked by `attune_trainer worker` processes:\n"
      "  attune_trainer train --workers redis://cache:6379/0 --data "
      "DIR/ml-100k\n"
      "      --catalog policy/catalogs/movies.yaml --budget 800 --out run\n"
      "From what a server logged:\n"
      "  attune_trainer train --from-log week.log --parent serving.attune\n"
      "      --out next\n"
      "From what a caller chose itself (apprentice mode):\n"
      "  attune_trainer train --from-log week.log --imitate\n"
      "      --parent serving.attune --out next");
  const auto run = [flags, command] {
    if (flags->from_log.empty()) return Train(*flags);
    return TrainOnLog(*flags, command->count("--exploration-floor") > 0);
  };
  return {.app = command, .run = run};
}

}  // namespace attune::trainer
