// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/round_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "policy/status_macros.h"
#include "trainer/chooser.h"

namespace attune::trainer {
namespace {

// Streams of the run's seed; see policy::Rng.
constexpr uint64_t kDecisionStream = 62;
constexpr uint64_t kDecodingStream = 63;
constexpr uint64_t kProposalStream = 64;
constexpr uint64_t kPoolStream = 65;
constexpr uint64_t kSharedOrderStream = 66;
constexpr uint64_t kRestStream = 67;
// Draws before a choice may repeat one of its task.
constexpr int kMaxRedraws = 16;
// More than a user is drawn.
constexpr int kPlaces = 1 << 24;

// A task of the round and how often it is asked.
struct PlannedTask {
  TaskId id;
  std::shared_ptr<const Task> task;
  int64_t group = 0;
  int choices = 0;
  bool ask_default = false;
};

uint64_t SeedOf(uint64_t seed, uint64_t place, uint64_t stream) {
  return policy::Rng(seed ^ policy::Mix64(place), stream)();
}

// Which choice of its task one takes its first options from, and how many.
struct Beginning {
  int choice = 0;
  size_t options = 0;
};

Beginning BeginningOf(int choice, int choices) {
  const int half = choices >= 4 ? (choices + 1) / 2 : choices;
  if (choice == 0) return {0, 0};
  if (choice == half) return {0, 1};
  return {choice < half ? 0 : half, choices >= 4 ? 2U : 1U};
}

class Planner {
 public:
  Planner(const TaskSource& source, const RoundOptions& options,
          const Learner& learner, const policy::Policy& policy,
          const RoundStart& start)
      : source_(source),
        options_(options),
        learner_(learner),
        policy_(policy),
        start_(start) {}

  absl::StatusOr<std::vector<PlannedTask>> PickTasks(TaskCursor& end) const;
  absl::StatusOr<std::vector<Episode>> Ask(
      const std::vector<PlannedTask>& tasks) const;

 private:
  uint64_t seed() const { return options_.tasks.seed; }
  absl::StatusOr<std::vector<TaskId>> PickUncertain(int count,
                                                    int64_t begin) const;
  absl::StatusOr<std::vector<Eigen::VectorXf>> StatesOf(
      const std::vector<PlannedTask>& tasks) const;
  PlannedTask Make(const TaskId& id) const;
  void ShareOrder(std::vector<PlannedTask>& tasks) const;
  // Cuts the tasks' choices to the episodes that are left.
  void Allot(std::vector<PlannedTask>& tasks) const;
  Episode EpisodeOf(const PlannedTask& planned, int choice) const;
  void ShareBeginnings(std::vector<std::vector<Proposal>>& proposals) const;
  // One choice of the policy in the episode's state, begun as `begun` says.
  absl::StatusOr<policy::Decision> SampleOnce(const Episode& episode,
                                              const Eigen::VectorXf& state,
                                              Proposal begun,
                                              uint64_t draw) const;
  // The `choice`-th of a task whose episodes so far end `earlier`.
  absl::StatusOr<policy::Decision> Sampled(
      const Episode& episode, const Eigen::VectorXf& state, int choice,
      const std::vector<Episode>& earlier) const;
  absl::StatusOr<policy::Decision> Proposed(const Episode& episode,
                                            const Proposal& proposal) const;

  const TaskSource& source_;
  const RoundOptions& options_;
  const Learner& learner_;
  const policy::Policy& policy_;
  const RoundStart& start_;
};

bool SameOptions(const policy::Choice& a, const policy::Choice& b) {
  return std::equal(a.patterns.begin(), a.patterns.end(), b.patterns.begin(),
                    b.patterns.end(), [](const auto& x, const auto& y) {
                      return x.option == y.option;
                    });
}

PlannedTask Planner::Make(const TaskId& id) const {
  return {.id = id,
          .task = std::make_shared<Task>(
              source_.make_task(id.user, id.draw, id.ordinal))};
}

absl::StatusOr<std::vector<Eigen::VectorXf>> Planner::StatesOf(
    const std::vector<PlannedTask>& tasks) const {
  std::vector<Eigen::VectorXf> states;
  for (const PlannedTask& planned : tasks) {
    ATTUNE_ASSIGN_OR_RETURN(policy::UserState state,
                            policy_.Encode(RequestOf(*planned.task, 0)));
    states.push_back(std::move(state.features));
  }
  return states;
}

absl::StatusOr<std::vector<TaskId>> Planner::PickUncertain(
    int count, int64_t begin) const {
  TaskStreamOptions stream = options_.tasks;
  stream.seed = SeedOf(seed(), 0, kPoolStream);
  std::vector<TaskId> ids = TasksAt(begin, count * options_.planner.pool_factor,
                                    source_.num_users, stream);
  std::vector<PlannedTask> pool;
  for (const TaskId& id : ids) pool.push_back(Make(id));
  ATTUNE_ASSIGN_OR_RETURN(const auto states, StatesOf(pool));
  const std::optional<Learner::Gain> gain = learner_.EstimateGain(states);
  std::vector<TaskId> picked(ids.begin(), ids.begin() + count);
  if (!gain.has_value()) return picked;
  const std::vector<int> order = MostUncertain(gain->state_deviation, count);
  for (int i = 0; i < count; ++i) picked[i] = ids[order[i]];
  return picked;
}

void Planner::Allot(std::vector<PlannedTask>& tasks) const {
  int64_t left = std::min<int64_t>(options_.batch_size, start_.episodes);
  for (PlannedTask& planned : tasks) {
    planned.ask_default = options_.default_baseline && left > 1 &&
                          !start_.default_known(planned.id);
    if (planned.ask_default) --left;
    planned.choices =
        static_cast<int>(std::min<int64_t>(options_.choices_per_task, left));
    left -= planned.choices;
  }
  std::erase_if(tasks, [](const PlannedTask& t) { return t.choices == 0; });
}

// One displayed order for all: the target at one place, and whatever follows
// from one seed for the others.
void Planner::ShareOrder(std::vector<PlannedTask>& tasks) const {
  const uint64_t round_seed = SeedOf(
      seed(), static_cast<uint64_t>(start_.cursor.stream), kSharedOrderStream);
  const int place = static_cast<int>(policy::Rng(round_seed).Below(kPlaces));
  for (PlannedTask& planned : tasks) {
    // The target's position follows from ordinal + draw; see Environment.
    planned.id.ordinal = kPlaces + place - planned.id.draw;
    Task task =
        source_.make_task(planned.id.user, planned.id.draw, planned.id.ordinal);
    policy::Rng rng(round_seed);
    task.permutation = policy::Permutation::WithFixed(
        task.permutation.size(), task.target,
        task.permutation.PositionOf(task.target), rng);
    planned.task = std::make_shared<Task>(std::move(task));
  }
}

absl::StatusOr<std::vector<PlannedTask>> Planner::PickTasks(
    TaskCursor& end) const {
  const int64_t episodes =
      std::min<int64_t>(options_.batch_size, start_.episodes);
  const int each =
      options_.choices_per_task + (options_.default_baseline ? 1 : 0);
  const int count = static_cast<int>((episodes + each - 1) / each);
  const int uncertain = UncertainTasks(count, options_.planner);
  std::vector<TaskId> ids = TasksAt(start_.cursor.stream, count - uncertain,
                                    source_.num_users, options_.tasks);
  end = start_.cursor;
  end.stream += count - uncertain;
  if (uncertain > 0) {
    ATTUNE_ASSIGN_OR_RETURN(const std::vector<TaskId> picked,
                            PickUncertain(uncertain, start_.cursor.pool));
    ids.insert(ids.end(), picked.begin(), picked.end());
    end.pool += static_cast<int64_t>(uncertain) * options_.planner.pool_factor;
  }
  std::vector<PlannedTask> tasks;
  int64_t group = start_.cursor.stream + start_.cursor.pool;
  for (const TaskId& id : ids) {
    tasks.push_back(Make(id));
    tasks.back().group = group++;
  }
  if (learner_.SharedPermutation()) ShareOrder(tasks);
  Allot(tasks);
  return tasks;
}

Episode Planner::EpisodeOf(const PlannedTask& planned, int choice) const {
  const auto group = static_cast<uint64_t>(planned.group);
  return {.id = planned.id,
          .task = planned.task,
          .group = planned.group,
          .decoding_seed = SeedOf(seed(), group, kDecodingStream),
          .seed = SeedOf(seed(), group * options_.choices_per_task + choice,
                         kDecisionStream)};
}

void Planner::ShareBeginnings(
    std::vector<std::vector<Proposal>>& proposals) const {
  if (!options_.share_beginning) return;
  for (std::vector<Proposal>& of_task : proposals) {
    const int count = static_cast<int>(of_task.size());
    for (int j = 0; j < count; ++j) {
      const Beginning begin = BeginningOf(j, options_.choices_per_task);
      const Proposal& like = of_task[std::min(begin.choice, count - 1)];
      for (size_t k = 0; k < begin.options && k < like.options.size(); ++k) {
        of_task[j].options[k] = like.options[k];
      }
    }
  }
}

absl::StatusOr<policy::Decision> Planner::SampleOnce(
    const Episode& episode, const Eigen::VectorXf& state, Proposal begun,
    uint64_t draw) const {
  const uint64_t seed =
      draw == 0 ? episode.seed : policy::Mix64(episode.seed + draw);
  if (begun.options.empty()) {
    return policy_.Decide(RequestOf(*episode.task, seed));
  }
  policy::Rng rng(seed, kRestStream);
  const size_t patterns = policy_.catalog().patterns.size();
  while (begun.options.size() < patterns) {
    const Eigen::VectorXf p = policy_.actor().Probabilities(
        static_cast<int>(begun.options.size()), state, begun.options);
    float u = rng.UnitFloat();
    int option = 0;
    while (option + 1 < p.size() && u >= p[option]) u -= p[option++];
    begun.options.push_back(option);
    begun.probabilities.push_back(p[option]);
  }
  return Proposed(episode, begun);
}

absl::StatusOr<policy::Decision> Planner::Sampled(
    const Episode& episode, const Eigen::VectorXf& state, int choice,
    const std::vector<Episode>& earlier) const {
  Proposal begun;
  if (options_.share_beginning) {
    const Beginning begin = BeginningOf(choice, options_.choices_per_task);
    const size_t place = earlier.size() - choice + begin.choice;
    for (size_t k = 0; k < begin.options; ++k) {
      const policy::PatternChoice& like =
          earlier[place].decision.choice.patterns[k];
      begun.options.push_back(like.option);
      begun.probabilities.push_back(like.probability);
    }
  }
  for (int draw = 0;; ++draw) {
    ATTUNE_ASSIGN_OR_RETURN(policy::Decision decision,
                            SampleOnce(episode, state, begun, draw));
    const bool repeated =
        std::any_of(earlier.begin(), earlier.end(), [&](const Episode& other) {
          return other.group == episode.group && !other.is_default &&
                 SameOptions(other.decision.choice, decision.choice);
        });
    if (!repeated || draw == kMaxRedraws) return decision;
  }
}

absl::StatusOr<policy::Decision> Planner::Proposed(
    const Episode& episode, const Proposal& proposal) const {
  ATTUNE_ASSIGN_OR_RETURN(
      policy::Decision decision,
      policy_.Preview(RequestOf(*episode.task, episode.seed),
                      proposal.options));
  for (size_t k = 0; k < proposal.probabilities.size(); ++k) {
    decision.choice.patterns[k].probability = proposal.probabilities[k];
  }
  return decision;
}

absl::StatusOr<std::vector<Episode>> Planner::Ask(
    const std::vector<PlannedTask>& tasks) const {
  ATTUNE_ASSIGN_OR_RETURN(const auto states, StatesOf(tasks));
  auto proposals = learner_.Propose(
      states, options_.choices_per_task,
      SeedOf(seed(), static_cast<uint64_t>(tasks.front().group),
             kProposalStream));
  if (!proposals.empty() && proposals.size() != tasks.size()) {
    return absl::InternalError("the learner proposed for other tasks");
  }
  ShareBeginnings(proposals);
  std::vector<Episode> episodes;
  for (size_t i = 0; i < tasks.size(); ++i) {
    for (int j = 0; j < tasks[i].choices; ++j) {
      Episode episode = EpisodeOf(tasks[i], j);
      if (!proposals.empty() && j >= static_cast<int>(proposals[i].size())) {
        return absl::InternalError("the learner proposed too few choices");
      }
      ATTUNE_ASSIGN_OR_RETURN(episode.decision,
                              proposals.empty()
                                  ? Sampled(episode, states[i], j, episodes)
                                  : Proposed(episode, proposals[i][j]));
      episodes.push_back(std::move(episode));
    }
    if (!tasks[i].ask_default) continue;
    Episode episode = EpisodeOf(tasks[i], /*choice=*/0);
    episode.is_default = true;
    ATTUNE_ASSIGN_OR_RETURN(
        episode.decision,
        Proposed(episode, {.options = DefaultOptions(policy_.catalog())}));
    episodes.push_back(std::move(episode));
  }
  return episodes;
}

}  // namespace

absl::StatusOr<Round> PlanRound(const TaskSource& source,
                                const RoundOptions& options,
                                const Learner& learner,
                                std::shared_ptr<const policy::Policy> policy,
                                const RoundStart& start) {
  const Planner planner(source, options, learner, *policy, start);
  Round round{.policy = policy, .iterations = options.iterations};
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<PlannedTask> tasks,
                          planner.PickTasks(round.end));
  ATTUNE_ASSIGN_OR_RETURN(round.episodes, planner.Ask(tasks));
  return round;
}

}  // namespace attune::trainer
