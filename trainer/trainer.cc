// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/trainer.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "policy/revision.h"
#include "policy/status_macros.h"
#include "trainer/checkpoint.h"
#include "trainer/chooser.h"

namespace attune::trainer {
namespace {

constexpr int kMaxSilentRounds = 3;
// Streams of the run's seed; see policy::Rng.
constexpr uint64_t kUserStream = 61;
constexpr uint64_t kDecisionStream = 62;

absl::Status CheckOptions(const TaskSource& source,
                          const TrainOptions& options) {
  if (options.budget < 1 || options.batch_size < 1 ||
      options.episode_length < 1 || options.checkpoint_every < 1) {
    return absl::InvalidArgumentError(
        "budget, batch size, episode length and checkpoint interval must be at "
        "least 1");
  }
  if (source.num_users < 1) {
    return absl::InvalidArgumentError("there are no users to learn from");
  }
  return absl::OkStatus();
}

// An episode under way.
struct Episode {
  Task task;
  int user = 0;
  std::optional<policy::PreviousIteration> previous;
  // Place of the last iteration's sample in the round; -1 before the first.
  int last_sample = -1;
  bool dropped = false;
};

// The run's mutable state and its steps.
class Run {
 public:
  Run(const TaskSource& source, LlmBackend& backend, Learner& learner,
      ExportSettings settings, absl::Span<const Task> golden,
      const TrainOptions& options)
      : source_(source),
        backend_(backend),
        learner_(learner),
        settings_(std::move(settings)),
        golden_(golden),
        options_(options) {}

  absl::Status Restore();
  absl::StatusOr<TrainResult> ToTheEnd();

 private:
  absl::StatusOr<std::string> Export();
  absl::StatusOr<RoundReport> Round();
  absl::Status Iterate(const policy::Policy& policy, int iteration,
                       std::vector<Episode>& episodes,
                       std::vector<Sample>& samples);
  void Learn(Episode& episode, const policy::Decision& decision,
             const absl::StatusOr<LlmAnswer>& answer,
             std::vector<Sample>& samples);
  std::vector<Episode> StartEpisodes() const;
  absl::Status Record(const RoundReport& report);
  absl::Status Save() const;
  std::string MetricsPath() const {
    return absl::StrCat(options_.directory, "/metrics.jsonl");
  }

  const TaskSource& source_;
  LlmBackend& backend_;
  Learner& learner_;
  ExportSettings settings_;
  const absl::Span<const Task> golden_;
  const TrainOptions& options_;
  TrainTotals totals_;
  int64_t metrics_bytes_ = 0;
  int silent_rounds_ = 0;
  absl::Status last_fault_;
};

absl::Status Run::Restore() {
  std::optional<Checkpoint> checkpoint;
  if (options_.resume) {
    ATTUNE_ASSIGN_OR_RETURN(checkpoint, LoadCheckpoint(options_.directory));
  }
  if (checkpoint.has_value()) {
    if (checkpoint->fingerprint != options_.fingerprint) {
      return absl::FailedPreconditionError(absl::StrCat(
          CheckpointPath(options_.directory),
          ": made with other settings, data or LLM; use another directory, or "
          "start anew without resuming"));
    }
    ATTUNE_RETURN_IF_ERROR(learner_.LoadState(checkpoint->learner_state));
    totals_ = checkpoint->totals;
    metrics_bytes_ = checkpoint->metrics_bytes;
  }
  // Rounds after the checkpoint are run again: their lines go.
  std::error_code error;
  if (!checkpoint.has_value()) {
    std::filesystem::remove(CheckpointPath(options_.directory), error);
    std::filesystem::remove(MetricsPath(), error);
  } else {
    std::filesystem::resize_file(MetricsPath(), metrics_bytes_, error);
    if (error) {
      return absl::FailedPreconditionError(
          absl::StrCat(MetricsPath(), ": cannot be cut to the checkpoint"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Run::Export() {
  settings_.facts.set_llm_calls(totals_.rankings);
  return MakeRevision(settings_, learner_.ExportTensors(), golden_);
}

std::vector<Episode> Run::StartEpisodes() const {
  std::vector<Episode> episodes(options_.batch_size);
  for (int i = 0; i < options_.batch_size; ++i) {
    const int64_t index =
        static_cast<int64_t>(totals_.round) * options_.batch_size + i;
    const int draw = static_cast<int>(index / source_.num_users);
    episodes[i].user = UserAt(index, source_.num_users, options_.seed);
    episodes[i].task = source_.make_task(episodes[i].user, draw,
                                         static_cast<int>(index % 1000000));
  }
  return episodes;
}

absl::Status Run::Iterate(const policy::Policy& policy, int iteration,
                          std::vector<Episode>& episodes,
                          std::vector<Sample>& samples) {
  std::vector<Episode*> active;
  std::vector<policy::Decision> decisions;
  for (size_t i = 0; i < episodes.size(); ++i) {
    Episode& episode = episodes[i];
    if (episode.dropped) continue;
    const uint64_t place =
        (static_cast<uint64_t>(totals_.round) * episodes.size() + i) *
            options_.episode_length +
        iteration;
    policy::Request request = RequestOf(
        episode.task,
        policy::Rng(options_.seed ^ policy::Mix64(place), kDecisionStream)());
    request.previous = episode.previous;
    ATTUNE_ASSIGN_OR_RETURN(policy::Decision decision, policy.Decide(request));
    active.push_back(&episode);
    decisions.push_back(std::move(decision));
  }
  std::vector<LlmRequest> requests;
  for (size_t i = 0; i < active.size(); ++i) {
    LlmRequest& request = requests.emplace_back();
    request.prompt = &decisions[i].prompt;
    request.seed = policy::Mix64(options_.seed + totals_.round) + i;
    request.sim_task = active[i]->task.sim_task;
    for (const policy::PatternChoice& chosen : decisions[i].choice.patterns) {
      request.sim_options.push_back(chosen.option);
    }
  }
  const std::vector<absl::StatusOr<LlmAnswer>> answers =
      backend_.Answer(requests);
  for (size_t i = 0; i < active.size(); ++i) {
    Learn(*active[i], decisions[i], answers[i], samples);
  }
  return absl::OkStatus();
}

void Run::Learn(Episode& episode, const policy::Decision& decision,
                const absl::StatusOr<LlmAnswer>& answer,
                std::vector<Sample>& samples) {
  absl::StatusOr<policy::Ranking> ranking =
      answer.ok() ? Decode(decision.prompt, decision.permutation, *answer)
                  : answer.status();
  if (!ranking.ok()) {
    episode.dropped = true;
    ++totals_.dropped;
    last_fault_ = ranking.status();
    return;
  }
  totals_.llm_calls += answer->usage.llm_calls;
  totals_.cache_hits += answer->usage.llm_calls == 0 ? 1 : 0;
  totals_.prompt_tokens += answer->usage.prompt_tokens;
  totals_.answer_tokens += answer->usage.answer_tokens;
  totals_.partial_parses += ranking->status == policy::ParseStatus::kPartial;
  totals_.failed_parses += ranking->status == policy::ParseStatus::kFailed;
  ++totals_.rankings;

  policy::PreviousIteration previous{
      .history_length = decision.choice.history_length,
      .ranking = ranking->candidates};
  Sample sample{.state = decision.state.features,
                .reward = Reward(episode.task, *ranking),
                .ease = Ease(episode.task, decision.state.candidate_scores)};
  for (const policy::PatternChoice& chosen : decision.choice.patterns) {
    previous.options.push_back(chosen.option);
    sample.options.push_back(chosen.option);
    sample.probabilities.push_back(chosen.probability);
  }
  if (episode.last_sample >= 0) {
    samples[episode.last_sample].next_state = sample.state;
  }
  episode.last_sample = static_cast<int>(samples.size());
  episode.previous = std::move(previous);
  samples.push_back(std::move(sample));
}

absl::StatusOr<RoundReport> Run::Round() {
  const double start = options_.clock();
  ATTUNE_ASSIGN_OR_RETURN(std::string artifact, Export());
  ATTUNE_ASSIGN_OR_RETURN(const auto revision,
                          policy::Revision::Load(std::move(artifact)));
  std::vector<Episode> episodes = StartEpisodes();
  std::vector<Sample> samples;
  for (int t = 0; t < options_.episode_length; ++t) {
    ATTUNE_RETURN_IF_ERROR(Iterate(revision->policy(), t, episodes, samples));
  }
  ++totals_.round;
  RoundReport report;
  report.samples = static_cast<int>(samples.size());
  for (const Sample& sample : samples) report.reward += sample.reward;
  if (!samples.empty()) {
    report.reward /= static_cast<double>(samples.size());
    if (options_.on_samples) options_.on_samples(samples);
    report.learner = learner_.Update(samples);
    silent_rounds_ = 0;
  } else if (++silent_rounds_ == kMaxSilentRounds) {
    return absl::UnavailableError(
        absl::StrCat("the LLM answered nothing for ", kMaxSilentRounds,
                     " rounds; last fault: ", last_fault_.ToString()));
  }
  report.totals = totals_;
  report.seconds = options_.clock() - start;
  return report;
}

absl::Status Run::Record(const RoundReport& report) {
  nlohmann::ordered_json line = {
      {"kind", "round"},
      {"round", report.totals.round},
      {"rankings", report.totals.rankings},
      {"samples", report.samples},
      {"reward", report.reward},
      {"llm_calls", report.totals.llm_calls},
      {"cache_hits", report.totals.cache_hits},
      {"dropped", report.totals.dropped},
      {"partial_parses", report.totals.partial_parses},
      {"failed_parses", report.totals.failed_parses},
      {"prompt_tokens", report.totals.prompt_tokens},
      {"answer_tokens", report.totals.answer_tokens},
      {"seconds", report.seconds}};
  for (const auto& [name, value] : report.learner) line[name] = value;
  std::ofstream file(MetricsPath(), std::ios::app);
  file << line.dump() << "\n";
  file.flush();
  if (!file) {
    return absl::ResourceExhaustedError(
        absl::StrCat(MetricsPath(), ": cannot be written"));
  }
  metrics_bytes_ = static_cast<int64_t>(file.tellp());
  return absl::OkStatus();
}

absl::Status Run::Save() const {
  return SaveCheckpoint(options_.directory,
                        {.fingerprint = options_.fingerprint,
                         .totals = totals_,
                         .metrics_bytes = metrics_bytes_,
                         .learner_state = learner_.SaveState()});
}

absl::StatusOr<TrainResult> Run::ToTheEnd() {
  while (totals_.rankings < options_.budget) {
    absl::StatusOr<RoundReport> report = Round();
    if (!report.ok()) return report.status();
    ATTUNE_RETURN_IF_ERROR(Record(*report));
    const bool go_on =
        options_.on_round == nullptr || options_.on_round(*report);
    if (!go_on || totals_.round % options_.checkpoint_every == 0 ||
        totals_.rankings >= options_.budget) {
      ATTUNE_RETURN_IF_ERROR(Save());
    }
    if (!go_on) {
      return absl::CancelledError(
          "stopped; the checkpoint is kept, --resume goes on");
    }
  }
  TrainResult result{.totals = totals_};
  ATTUNE_ASSIGN_OR_RETURN(result.revision, Export());
  return result;
}

}  // namespace

int UserAt(int64_t index, int num_users, uint64_t seed) {
  const int64_t epoch = index / num_users;
  std::vector<int> order(num_users);
  std::iota(order.begin(), order.end(), 0);
  policy::Rng rng(seed ^ policy::Mix64(static_cast<uint64_t>(epoch)),
                  kUserStream);
  for (int i = num_users; i > 1; --i) {
    std::swap(order[i - 1], order[rng.Below(static_cast<uint32_t>(i))]);
  }
  return order[index % num_users];
}

absl::StatusOr<TrainResult> Train(const TaskSource& source, LlmBackend& backend,
                                  Learner& learner, ExportSettings settings,
                                  absl::Span<const Task> golden,
                                  const TrainOptions& options) {
  ATTUNE_RETURN_IF_ERROR(CheckOptions(source, options));
  Run run(source, backend, learner, std::move(settings), golden, options);
  ATTUNE_RETURN_IF_ERROR(run.Restore());
  return run.ToTheEnd();
}

}  // namespace attune::trainer
