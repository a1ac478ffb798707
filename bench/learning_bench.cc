// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// How much of what the simulator has to teach each learner learns, from how many
// LLM calls. Writes a JSON file and prints a table; `bash scripts/bench.sh
// learning`.

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bench/learning_run.h"

namespace attune::bench {
namespace {

struct Job {
  std::string learner, setting;
  uint64_t seed = 0;
  LearningResult result;
  absl::Status status;
};

const char* Env(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : value;
}

void Work(std::vector<Job>& jobs, std::atomic<size_t>& next) {
  for (size_t i = next++; i < jobs.size(); i = next++) {
    Job& job = jobs[i];
    auto world = MakeLearningWorld(job.setting, job.seed);
    if (!world.ok()) {
      job.status = world.status();
      continue;
    }
    LearningOptions options{.learner = job.learner,
                            .budgets = {200, 600, 3000},
                            .group = std::atoi(Env("GROUP", "4")),
                            .seed = job.seed};
    if (job.learner == "fixed") {
      for (const int64_t budget : options.budgets) {
        auto best = FindBestFixed(**world, budget, job.seed);
        Measurement& point = job.result.points.emplace_back();
        point.choices.assign((*world)->held_out.size(), *best);
        point.optimality = Optimality(**world, point.choices);
      }
      continue;
    }
    auto result = RunLearning(**world, options);
    if (!result.ok()) {
      job.status = result.status();
      continue;
    }
    job.result = *std::move(result);
  }
}

int Main() {
  std::vector<Job> jobs;
  const int from = std::atoi(Env("FROM", "101"));
  const int to = std::atoi(Env("TO", "104"));
  const std::vector<std::string> learners =
      absl::StrSplit(Env("LEARNERS", "bandit"), ',');
  const std::vector<std::string> settings =
      absl::StrSplit(Env("SETTINGS", "paper"), ',');
  for (const std::string& setting : settings) {
    for (const std::string& learner : learners) {
      for (int seed = from; seed <= to; ++seed) {
        jobs.push_back({.learner = learner, .setting = setting,
                        .seed = static_cast<uint64_t>(seed)});
      }
    }
  }
  std::atomic<size_t> next = 0;
  std::thread other([&] { Work(jobs, next); });
  Work(jobs, next);
  other.join();
  for (const std::string& setting : settings) {
    for (const std::string& learner : learners) {
      double sums[3] = {0, 0, 0}, squares[3] = {0, 0, 0}, time = 0, longest = 0;
      int n = 0;
      for (const Job& job : jobs) {
        if (job.learner != learner || job.setting != setting) continue;
        if (!job.status.ok()) {
          std::printf("%s\n", job.status.ToString().c_str());
          continue;
        }
        ++n;
        for (int i = 0; i < 3; ++i) {
          sums[i] += job.result.points[i].optimality;
          squares[i] += std::pow(job.result.points[i].optimality, 2);
        }
        time += job.result.learner_seconds * 1e3 /
                std::max<int64_t>(1, job.result.samples);
        longest = std::max(longest, job.result.longest_update);
      }
      std::printf("%-12s %-12s", setting.c_str(), learner.c_str());
      for (int i = 0; i < 3; ++i) {
        const double mean = sums[i] / n;
        std::printf("  %.3f+-%.3f", mean,
                    std::sqrt((squares[i] / n - mean * mean) / (n - 1)));
      }
      std::printf("   %.3f ms/sample, longest %.0f ms\n", time / n,
                  longest * 1e3);
    }
  }
  return 0;
}

}  // namespace
}  // namespace attune::bench

int main() { return attune::bench::Main(); }
