// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// How much of what the simulator has to teach each learner learns, from how many
// LLM calls. Writes a JSON file and prints a table; `bash scripts/bench.sh
// learning`.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/learning_run.h"
#include "trainer/statistics.h"

namespace attune::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  int seeds = 10;
  // The setting without personal effects, where what counts is how often a
  // learner claims something.
  int adversarial_seeds = 20;
  int first_seed = 1;
  int group = 0;
  std::vector<std::string> learners = {"bandit", "ppo", "a2c", "rpp_published",
                                       "best_fixed"};
  std::vector<std::string> settings = {"easy", "paper", "adversarial"};
  std::vector<int64_t> budgets = {200, 600, 3000};
  // How far the control is followed in search of an optimality of 0.5.
  int64_t control_calls = 30000;
  std::string out;
};

constexpr double kHalfWay = 0.5;

struct Job {
  std::string learner, setting;
  uint64_t seed = 0;
  std::vector<int64_t> budgets;
  bool claims = true;
  LearningResult result;
  absl::Status status;
};

absl::Status Run(const Flags& flags, Job& job) {
  auto world = MakeLearningWorld(job.setting, job.seed);
  if (!world.ok()) return world.status();
  const size_t held_out = (*world)->held_out.size();
  if (job.learner == "best_fixed") {
    for (const int64_t budget : job.budgets) {
      const auto best = FindBestFixed(**world, budget, job.seed);
      if (!best.ok()) return best.status();
      Measurement& point = job.result.points.emplace_back();
      point.llm_calls = budget;
      point.choices.assign(held_out, *best);
      point.optimality = Optimality(**world, point.choices);
    }
    return absl::OkStatus();
  }
  LearningOptions options{.learner = job.learner,
                          .budgets = job.budgets,
                          .group = flags.group,
                          .seed = job.seed};
  if (job.learner == "rpp_published") {
    options.batch_size = 200;
    options.group = 1;
  }
  auto result = RunLearning(**world, options);
  if (!result.ok()) return result.status();
  job.result = *std::move(result);
  if (!job.claims) return absl::OkStatus();
  for (Measurement& point : job.result.points) {
    const auto best = FindBestFixed(**world, point.llm_calls, job.seed);
    if (!best.ok()) return best.status();
    Compare(**world, *best, job.seed, job.result.points.size(), point);
  }
  return absl::OkStatus();
}

std::vector<int64_t> Steps(int64_t step, int64_t end) {
  std::vector<int64_t> steps;
  for (int64_t at = step; at <= end; at += step) steps.push_back(at);
  return steps;
}

std::vector<Job> MakeJobs(const Flags& flags) {
  std::vector<Job> jobs;
  const auto add = [&](Job job, int seeds) {
    for (int i = 0; i < seeds; ++i) {
      job.seed = static_cast<uint64_t>(flags.first_seed + i);
      jobs.push_back(job);
    }
  };
  for (const std::string& setting : flags.settings) {
    const bool adversarial = setting == "adversarial";
    for (const std::string& learner : flags.learners) {
      add({.learner = learner, .setting = setting, .budgets = flags.budgets},
          adversarial ? flags.adversarial_seeds : flags.seeds);
    }
  }
  if (flags.control_calls > 0) {
    add({.learner = "rpp_published",
         .setting = "paper",
         .budgets = Steps(1000, flags.control_calls),
         .claims = false},
        flags.seeds);
    add({.learner = "bandit",
         .setting = "paper",
         .budgets = Steps(32, 608),
         .claims = false},
        flags.seeds);
  }
  return jobs;
}

// Jobs of one learner in one setting; `claims` tells the table's from those
// that look for the half way.
std::vector<const Job*> Select(const std::vector<Job>& jobs,
                               const std::string& learner,
                               const std::string& setting, bool claims) {
  std::vector<const Job*> selected;
  for (const Job& job : jobs) {
    if (job.learner == learner && job.setting == setting &&
        job.claims == claims) {
      selected.push_back(&job);
    }
  }
  return selected;
}

Json Row(const std::vector<const Job*>& jobs, const std::string& learner,
         const std::string& setting) {
  Json row = {{"setting", setting},
              {"learner", learner},
              {"runs", jobs.size()},
              {"points", Json::array()}};
  std::string line = absl::StrFormat("%-12s %-14s", setting, learner);
  for (size_t p = 0; p < jobs[0]->budgets.size(); ++p) {
    std::vector<double> optimality;
    int claims = 0;
    for (const Job* job : jobs) {
      optimality.push_back(job->result.points[p].optimality);
      claims += job->result.points[p].ClaimsGain() ? 1 : 0;
    }
    const double mean = trainer::Mean(optimality);
    const double error = trainer::StandardError(optimality);
    row["points"].push_back({{"llm_calls", jobs[0]->budgets[p]},
                             {"optimality", mean},
                             {"standard_error", error},
                             {"claims", claims},
                             {"by_seed", optimality}});
    absl::StrAppendFormat(&line, "  %5.3f+-%.3f %2d/%d", mean, error, claims,
                          jobs.size());
  }
  double seconds = 0.0, longest = 0.0;
  int64_t samples = 0;
  for (const Job* job : jobs) {
    seconds += job->result.learner_seconds;
    samples += job->result.samples;
    longest = std::max(longest, job->result.longest_update);
  }
  if (samples > 0) {
    row["cpu_ms_per_sample"] = 1e3 * seconds / static_cast<double>(samples);
    row["longest_update_cpu_ms"] = 1e3 * longest;
    absl::StrAppendFormat(&line, "  %6.3f  %6.0f",
                          1e3 * seconds / static_cast<double>(samples),
                          1e3 * longest);
  }
  std::printf("%s\n", line.c_str());
  return row;
}

// Calls after which the mean over the seeds reaches the half way; 0: never.
int64_t HalfWay(const std::vector<const Job*>& jobs) {
  for (size_t p = 0; p < jobs[0]->budgets.size(); ++p) {
    double sum = 0.0;
    for (const Job* job : jobs) sum += job->result.points[p].optimality;
    if (sum >= kHalfWay * static_cast<double>(jobs.size())) {
      return jobs[0]->budgets[p];
    }
  }
  return 0;
}

Json Ratio(const std::vector<Job>& jobs, const Flags& flags) {
  const int64_t ours = HalfWay(Select(jobs, "bandit", "paper", false));
  const int64_t control =
      HalfWay(Select(jobs, "rpp_published", "paper", false));
  const bool reached = control > 0;
  const int64_t calls = reached ? control : flags.control_calls;
  const double ratio =
      ours > 0 ? static_cast<double>(calls) / static_cast<double>(ours) : 0.0;
  std::printf(
      "\npaper: mean optimality of %.1f after %d calls of bandit, %s %d of "
      "rpp_published: ratio %s%.0f\n",
      kHalfWay, static_cast<int>(ours), reached ? "after" : "not within",
      static_cast<int>(calls), reached ? "" : "over ", ratio);
  return {{"optimality", kHalfWay},
          {"bandit_calls", ours},
          {"rpp_published_calls", calls},
          {"rpp_published_reached_it", reached},
          {"ratio", ratio}};
}

int Report(const std::vector<Job>& jobs, const Flags& flags) {
  for (const Job& job : jobs) {
    if (job.status.ok()) continue;
    std::fprintf(stderr, "%s on %s, seed %d: %s\n", job.learner.c_str(),
                 job.setting.c_str(), static_cast<int>(job.seed),
                 job.status.ToString().c_str());
    return 1;
  }
  std::printf(
      "Optimality on held-out users (0 uniform, 1 every user's best), mean +- "
      "standard error;\nruns that claim a gain over the best fixed prompt. "
      "Seeds from %d on; hyper-parameters\nwere chosen on seeds from 101 "
      "on.\n\n"
      "%-12s %-14s",
      flags.first_seed, "setting", "learner");
  for (const int64_t budget : flags.budgets) {
    std::printf("  %5d calls claims", static_cast<int>(budget));
  }
  std::printf("  CPU ms/sample, longest update\n");
  Json table = Json::array();
  for (const std::string& setting : flags.settings) {
    for (const std::string& learner : flags.learners) {
      table.push_back(
          Row(Select(jobs, learner, setting, true), learner, setting));
    }
  }
  Json json = {{"schema", "attune.learning/1"},
               {"first_seed", flags.first_seed},
               {"choices_per_task", flags.group},
               {"table", table}};
  if (flags.control_calls > 0) json["half_way"] = Ratio(jobs, flags);
  if (flags.out.empty()) return 0;
  std::ofstream file(flags.out);
  file << json.dump(1) << "\n";
  return file.good() ? 0 : 1;
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app{"Measures learners on the simulator"};
  app.add_option("--seeds", flags.seeds)->capture_default_str();
  app.add_option("--adversarial-seeds", flags.adversarial_seeds)
      ->capture_default_str();
  app.add_option("--first-seed", flags.first_seed)->capture_default_str();
  app.add_option("--choices-per-task", flags.group, "0: the learner's own")
      ->capture_default_str();
  app.add_option("--learners", flags.learners)->delimiter(',');
  app.add_option("--budgets", flags.budgets)->delimiter(',');
  app.add_option("--settings", flags.settings)->delimiter(',');
  app.add_option("--control-calls", flags.control_calls,
                 "LLM calls to follow rpp_published for; 0: do not")
      ->capture_default_str();
  app.add_option("--out", flags.out, "JSON file");
  CLI11_PARSE(app, argc, argv);
  std::vector<Job> jobs = MakeJobs(flags);
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < jobs.size(); i = next++) {
      jobs[i].status = Run(flags, jobs[i]);
    }
  };
  std::thread other(work);
  work();
  other.join();
  return Report(jobs, flags);
}

}  // namespace
}  // namespace attune::bench

int main(int argc, char** argv) { return attune::bench::Main(argc, argv); }
