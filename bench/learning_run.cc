// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "bench/learning_run.h"

#include <algorithm>
#include <ctime>
#include <numeric>
#include <utility>

#include "policy/actor.h"
#include "policy/metrics.h"
#include "policy/random.h"
#include "policy/status_macros.h"
#include "tests/trainer/exported_actor.h"
#include "trainer/files.h"
#include "trainer/fixed_search.h"
#include "trainer/sim_backend.h"
#include "trainer/smoothed_reward.h"
#include "trainer/task_stream.h"
#include "trainer/train_setup.h"

namespace attune::bench {
namespace {

using trainer::Learner;
using trainer::Sample;
using trainer::SimWorld;
using trainer::Task;

constexpr uint64_t kDecisionStream = 0x646563;
constexpr uint64_t kMeasureStream = 0x6d6561;

// Of this thread: other runs on the machine do not count.
double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * time.tv_nsec;
}

Eigen::VectorXf StateOf(const LearningWorld& world, const Task& task) {
  const policy::Policy& policy = world.uniform->policy();
  return policy.encoder()
      .Encode(task.history, task.candidates, policy.actor().option_offsets(),
              std::nullopt)
      .features;
}

struct Answered {
  float reward = 0.0F;  // NDCG@10
  float smoothed = 0.0F;
};

// Of one answer; equal seeds are equal luck.
Answered Answer(const LearningWorld& world, const Task& task,
                const std::vector<int>& choice, uint64_t seed) {
  const auto place = world.sim->PlaceOf(task.sim_task);
  const std::vector<float> scores =
      world.sim->Answer(*place, choice, seed).scores;
  const float target = scores[place->target_position];
  const auto above = std::count_if(scores.begin(), scores.end(),
                                   [&](float x) { return x > target; });
  return {static_cast<float>(policy::NdcgAt(10, static_cast<int>(above) + 1)),
          trainer::SmoothedReward(scores, place->target_position)};
}

trainer::Proposal ToProposal(const policy::Choice& choice) {
  trainer::Proposal proposal;
  for (const policy::PatternChoice& chosen : choice.patterns) {
    proposal.options.push_back(chosen.option);
    proposal.probabilities.push_back(chosen.probability);
  }
  return proposal;
}

Choices GreedyChoices(const LearningWorld& world, const policy::Actor& actor) {
  Choices choices;
  policy::Rng unused(1);
  for (const int user : world.held_out) {
    const Task task = world.sim->MakeTask(user, /*draw=*/0, user);
    choices.push_back(
        ToProposal(actor.Decide(StateOf(world, task),
                                policy::DecisionMode::kGreedy, unused))
            .options);
  }
  return choices;
}

// The choices that the learner wants tried, or draws from its policy.
std::vector<std::vector<trainer::Proposal>> Proposals(
    const Learner& learner, const policy::Actor& actor,
    const std::vector<Eigen::VectorXf>& states, int count, uint64_t seed) {
  auto proposals = learner.Propose(states, count, seed);
  if (!proposals.empty()) return proposals;
  for (size_t i = 0; i < states.size(); ++i) {
    policy::Rng rng(seed ^ policy::Mix64(i), kDecisionStream);
    auto& tried = proposals.emplace_back();
    for (int j = 0; j < count; ++j) {
      tried.push_back(ToProposal(
          actor.Decide(states[i], policy::DecisionMode::kSample, rng)));
    }
  }
  return proposals;
}

absl::Status Learn(const std::vector<Sample>& samples, Learner& learner,
                   LearningResult& result) {
  const double start = CpuSeconds();
  learner.Update(samples);
  const double seconds = CpuSeconds() - start;
  result.learner_seconds += seconds;
  result.longest_update = std::max(result.longest_update, seconds);
  return learner.Health();
}

}  // namespace

absl::StatusOr<LearningResult> RunLearning(const LearningWorld& world,
                                           const LearningOptions& options) {
  ATTUNE_ASSIGN_OR_RETURN(const trainer::NetworkSpec spec,
                          trainer::SpecOf(world.settings, options.seed));
  ATTUNE_ASSIGN_OR_RETURN(const std::unique_ptr<Learner> learner,
                          trainer::MakeLearner(options.learner, spec));
  LearningResult result;
  std::vector<Sample> waiting;
  policy::Actor actor =
      trainer::Exported(spec, learner->ExportTensors()).Actor();
  const int group =
      options.group > 0 ? options.group : learner->ChoicesPerTask();
  const int tasks = options.batch_size / group;
  const int users = world.sim->num_train_users();
  for (int64_t round = 0; result.points.size() < options.budgets.size();
       ++round) {
    const uint64_t seed = policy::Mix64(options.seed) + round;
    std::vector<Task> shown;
    std::vector<Eigen::VectorXf> states;
    for (int i = 0; i < tasks; ++i) {
      const int64_t index = round * tasks + i;
      shown.push_back(world.sim->MakeTask(
          trainer::UserAt(index, users, options.seed),
          static_cast<int>(index / users),
          learner->SharedPermutation() ? static_cast<int>(round)
                                       : static_cast<int>(index % 1000000)));
      states.push_back(StateOf(world, shown.back()));
    }
    const double start = CpuSeconds();
    const auto proposals = Proposals(*learner, actor, states, group, seed);
    result.learner_seconds += CpuSeconds() - start;
    std::vector<Sample> samples;
    for (int i = 0; i < tasks; ++i) {
      for (const trainer::Proposal& proposal : proposals[i]) {
        const Answered answer =
            Answer(world, shown[i], proposal.options, seed ^ policy::Mix64(i));
        samples.push_back({.state = states[i],
                           .options = proposal.options,
                           .probabilities = proposal.probabilities,
                           .reward = answer.reward,
                           .smoothed_reward = answer.smoothed,
                           .group = i});
      }
    }
    // The last round before a measurement may be a part of one.
    const int64_t budget = options.budgets[result.points.size()];
    const int64_t left = budget - result.samples;
    if (static_cast<int64_t>(samples.size()) > left) samples.resize(left);
    result.samples += static_cast<int64_t>(samples.size());
    // As in the training loop, the next round is chosen before this one is
    // learned from; at a measurement, all are.
    const bool measure = result.samples >= budget;
    for (const auto* round_samples : {&waiting, &samples}) {
      if (round_samples->empty() || (round_samples == &samples && !measure)) {
        continue;
      }
      ATTUNE_RETURN_IF_ERROR(Learn(*round_samples, *learner, result));
    }
    waiting = measure ? std::vector<Sample>() : std::move(samples);
    actor = trainer::Exported(spec, learner->ExportTensors()).Actor();
    if (!measure) continue;
    Measurement& point = result.points.emplace_back();
    point.llm_calls = result.samples;
    point.choices = GreedyChoices(world, actor);
    point.optimality = Optimality(world, point.choices);
  }
  return result;
}

absl::StatusOr<std::vector<int>> FindBestFixed(const LearningWorld& world,
                                               int64_t budget, uint64_t seed) {
  std::vector<Task> tasks;
  for (int i = 0; i < world.sim->num_train_users(); ++i) {
    const int user = trainer::UserAt(i, world.sim->num_train_users(), seed);
    tasks.push_back(world.sim->MakeTask(user, /*draw=*/0, i));
  }
  trainer::SimBackend backend(*world.sim);
  ATTUNE_ASSIGN_OR_RETURN(
      trainer::FixedSearchResult result,
      trainer::SearchFixedPrompt(
          world.uniform->policy(), backend, tasks,
          {.budget = static_cast<int>(budget), .seed = seed}));
  return std::move(result.best);
}

double Optimality(const LearningWorld& world, const Choices& choices) {
  return world.bounds.Normalised(
      trainer::ValueOf(*world.sim, world.held_out, choices));
}

void Compare(const LearningWorld& world, const std::vector<int>& fixed,
             uint64_t seed, size_t looks, Measurement& measurement) {
  const size_t n = world.held_out.size();
  std::vector<double> policy, best_fixed, shuffled;
  for (size_t i = 0; i < n; ++i) {
    const int user = world.held_out[i];
    const Task task = world.sim->MakeTask(user, /*draw=*/1, user);
    const auto answer = [&](const std::vector<int>& choice) {
      return Answer(world, task, choice,
                    policy::Rng(seed ^ policy::Mix64(user), kMeasureStream)())
          .reward;
    };
    policy.push_back(answer(measurement.choices[i]));
    best_fixed.push_back(answer(fixed));
    // The prompt of the user half the list away.
    shuffled.push_back(answer(measurement.choices[(i + n / 2) % n]));
  }
  const auto difference = [&](const std::vector<double>& other) {
    return trainer::PairedDifference(
        policy, other, seed, trainer::kBootstrapResamples,
        trainer::kIntervalTail / static_cast<double>(looks));
  };
  measurement.over_fixed = difference(best_fixed);
  measurement.shuffle_drop = difference(shuffled);
}

absl::StatusOr<std::unique_ptr<LearningWorld>> MakeLearningWorld(
    const std::string& setting, uint64_t seed) {
  auto world = std::make_unique<LearningWorld>();
  ATTUNE_ASSIGN_OR_RETURN(
      const std::string yaml,
      trainer::ReadFile(ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml"));
  ATTUNE_ASSIGN_OR_RETURN(world->settings.catalog,
                          policy::Catalog::Parse(yaml));
  ATTUNE_ASSIGN_OR_RETURN(const trainer::SimSetting parsed,
                          trainer::ParseSimSetting(setting));
  const trainer::SimWorldOptions options =
      trainer::SimSettingOptions(parsed, seed);
  world->sim = std::make_unique<SimWorld>(options, *world->settings.catalog);
  world->items.tensors = world->sim->users().ItemTensors();
  world->items.strings = world->sim->users().ItemStrings();
  world->settings.items = &world->items;
  world->settings.encoder.embedding_dim = options.embedding_dim;
  world->settings.encoder.recency_decay =
      static_cast<float>(options.recency_decay);
  world->settings.encoder.ngram_buckets = 0;
  world->settings.encoder.gru_hidden = 0;
  world->settings.heads.kind = policy::HeadsKind::kUniform;
  ATTUNE_ASSIGN_OR_RETURN(std::string artifact,
                          trainer::MakeRevision(world->settings, {}, {}));
  ATTUNE_ASSIGN_OR_RETURN(world->uniform,
                          policy::Revision::Load(std::move(artifact)));
  world->settings.heads = trainer::NetworkSpec().heads;
  world->held_out = world->sim->HeldOutUsers();
  world->bounds = trainer::BoundsOf(*world->sim, world->held_out);
  return world;
}

}  // namespace attune::bench
