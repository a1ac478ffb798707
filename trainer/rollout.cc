// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/rollout.h"

#include <limits>
#include <optional>
#include <utility>

#include "policy/random.h"
#include "policy/status_macros.h"
#include "trainer/chooser.h"
#include "trainer/smoothed_reward.h"

namespace attune::trainer {
namespace {

// Where an episode stands.
struct Course {
  const Episode* episode = nullptr;
  policy::Decision decision = {.permutation = policy::Permutation::Identity(0)};
  std::optional<policy::PreviousIteration> previous;
  // Place of the last iteration's sample; -1 before the first.
  int last_sample = -1;
  bool over = false;
};

std::vector<int> OptionsOf(const policy::Decision& decision) {
  std::vector<int> options;
  for (const policy::PatternChoice& chosen : decision.choice.patterns) {
    options.push_back(chosen.option);
  }
  return options;
}

LlmRequest AskFor(const Episode& episode, const policy::Decision& decision,
                  int iteration) {
  LlmRequest request;
  request.prompt = &decision.prompt;
  request.seed = policy::Mix64(episode.decoding_seed + iteration);
  request.sim_task = episode.task->sim_task;
  request.sim_options = OptionsOf(decision);
  return request;
}

absl::StatusOr<policy::Decision> DecideAgain(const policy::Policy& policy,
                                             const Course& course,
                                             int iteration) {
  policy::Request request = RequestOf(
      *course.episode->task,
      policy::Mix64(course.episode->seed + static_cast<uint64_t>(iteration)));
  request.previous = course.previous;
  return policy.Decide(request);
}

void CountAnswer(const LlmAnswer& answer, policy::ParseStatus parse,
                 AnswerCounts& counts) {
  counts.llm_calls += answer.usage.llm_calls;
  counts.cache_hits += answer.usage.llm_calls == 0 ? 1 : 0;
  counts.prompt_tokens += answer.usage.prompt_tokens;
  counts.reused_tokens += answer.usage.reused_tokens;
  counts.answer_tokens += answer.usage.answer_tokens;
  counts.partial_parses += parse == policy::ParseStatus::kPartial ? 1 : 0;
  counts.failed_parses += parse == policy::ParseStatus::kFailed ? 1 : 0;
}

void Drop(absl::Status fault, Course& course, RoundResult& result) {
  const Episode& episode = *course.episode;
  course.over = true;
  ++result.counts.dropped;
  result.last_fault = std::move(fault);
  if (episode.is_default) {
    result.defaults[episode.id] = std::numeric_limits<float>::quiet_NaN();
  }
}

// NaN if the readout gives no scores.
float Smoothed(const LlmAnswer& answer, const Task& task,
               const policy::Permutation& displayed) {
  if (answer.displayed_scores.empty()) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  return SmoothedReward(answer.displayed_scores,
                        displayed.PositionOf(task.target));
}

void AddSample(const LlmAnswer& answer, const policy::Ranking& ranking,
               int iteration, int iterations, Course& course,
               RoundResult& result) {
  const Episode& episode = *course.episode;
  const policy::Decision& decision = course.decision;
  Sample sample{
      .state = decision.state.features,
      .options = OptionsOf(decision),
      .reward = Reward(*episode.task, ranking),
      .smoothed_reward = Smoothed(answer, *episode.task, decision.permutation),
      .ease = Ease(*episode.task, decision.state.candidate_scores),
      .group = episode.group * iterations + iteration};
  for (const policy::PatternChoice& chosen : decision.choice.patterns) {
    sample.probabilities.push_back(chosen.probability);
  }
  if (course.last_sample >= 0) {
    result.samples[course.last_sample].next_state = sample.state;
  }
  course.last_sample = static_cast<int>(result.samples.size());
  course.previous = {.options = sample.options,
                     .history_length = decision.choice.history_length,
                     .ranking = ranking.candidates};
  result.samples.push_back(std::move(sample));
  ++result.counts.rankings;
}

void Take(const absl::StatusOr<LlmAnswer>& answer, int iteration,
          int iterations, Course& course, RoundResult& result) {
  absl::StatusOr<policy::Ranking> ranking =
      answer.ok()
          ? Decode(course.decision.prompt, course.decision.permutation, *answer)
          : answer.status();
  if (!ranking.ok()) return Drop(ranking.status(), course, result);
  CountAnswer(*answer, ranking->status, result.counts);
  const Episode& episode = *course.episode;
  if (!episode.is_default) {
    return AddSample(*answer, *ranking, iteration, iterations, course, result);
  }
  course.over = true;
  result.defaults[episode.id] = Reward(*episode.task, *ranking);
  ++result.counts.defaults;
}

}  // namespace

int64_t Round::Calls() const {
  int64_t calls = 0;
  for (const Episode& episode : episodes) {
    calls += episode.is_default ? 1 : iterations;
  }
  return calls;
}

void AnswerCounts::Add(const AnswerCounts& other) {
  rankings += other.rankings;
  defaults += other.defaults;
  cache_hits += other.cache_hits;
  dropped += other.dropped;
  partial_parses += other.partial_parses;
  failed_parses += other.failed_parses;
  llm_calls += other.llm_calls;
  prompt_tokens += other.prompt_tokens;
  reused_tokens += other.reused_tokens;
  answer_tokens += other.answer_tokens;
}

absl::StatusOr<RoundResult> RunRound(const Round& round, LlmBackend& backend,
                                     const std::function<double()>& clock) {
  RoundResult result;
  std::vector<Course> courses;
  for (const Episode& episode : round.episodes) {
    courses.push_back({.episode = &episode, .decision = episode.decision});
  }
  for (int iteration = 0; iteration < round.iterations; ++iteration) {
    std::vector<Course*> active;
    std::vector<LlmRequest> requests;
    for (Course& course : courses) {
      if (course.over) continue;
      if (iteration > 0) {
        ATTUNE_ASSIGN_OR_RETURN(course.decision,
                                DecideAgain(*round.policy, course, iteration));
      }
      active.push_back(&course);
      requests.push_back(AskFor(*course.episode, course.decision, iteration));
    }
    const double start = clock();
    const std::vector<absl::StatusOr<LlmAnswer>> answers =
        backend.Answer(requests);
    result.ended = clock();
    result.llm_seconds += result.ended - start;
    if (answers.size() != requests.size()) {
      return absl::InternalError("the LLM backend lost an answer");
    }
    for (size_t i = 0; i < active.size(); ++i) {
      Take(answers[i], iteration, round.iterations, *active[i], result);
    }
  }
  result.backend = backend.Metrics();
  return result;
}

void FillDefaults(const Round& round, const DefaultRewards& known,
                  std::vector<Sample>& samples) {
  if (known.empty()) return;
  std::map<int64_t, float> rewards;
  for (const Episode& episode : round.episodes) {
    const auto found = known.find(episode.id);
    if (found != known.end()) rewards[episode.group] = found->second;
  }
  for (Sample& sample : samples) {
    const auto found = rewards.find(sample.group / round.iterations);
    if (found != rewards.end()) sample.default_reward = found->second;
  }
}

}  // namespace attune::trainer
