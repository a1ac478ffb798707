// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/trainer.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policy/policy.h"
#include "policy/status_macros.h"
#include "trainer/blas.h"
#include "trainer/checkpoint.h"
#include "trainer/chooser.h"
#include "trainer/round_plan.h"
#include "trainer/round_runner.h"
#include "trainer/run_record.h"

namespace attune::trainer {
namespace {

constexpr int kMaxSilentRounds = 3;
// Train users on whom the planner judges the gain.
constexpr int kGainUsers = 64;

RoundOptions RoundOptionsOf(const TrainOptions& options,
                            const Learner& learner) {
  return {
      .batch_size = options.batch_size,
      .choices_per_task = options.choices_per_task > 0
                              ? options.choices_per_task
                              : learner.ChoicesPerTask(),
      .share_beginning = options.share_beginning,
      .iterations = options.episode_length,
      .default_baseline = options.default_baseline,
      .tasks = {.seed = options.seed, .draws_per_user = options.draws_per_user},
      .planner = options.planner};
}

// A loss that is not a number, whatever the learner says of its health.
absl::Status CheckLosses(const LearnerMetrics& metrics) {
  for (const auto& [name, value] : metrics) {
    if (absl::StrContains(name, "loss") && !std::isfinite(value)) {
      return absl::InternalError(absl::StrCat(name, " is not a number"));
    }
  }
  return absl::OkStatus();
}

// The run's state and its steps, in the order in which they happen.
class Run {
 public:
  Run(const TaskSource& source, LlmBackend& backend, Learner& learner,
      ExportSettings settings, absl::Span<const Task> golden,
      const TrainOptions& options)
      : source_(source),
        learner_(learner),
        settings_(std::move(settings)),
        exporter_(settings_),
        golden_(golden),
        options_(options),
        round_options_(RoundOptionsOf(options, learner)),
        record_(options.directory, options.fingerprint),
        runner_(backend, options.clock) {}

  absl::StatusOr<TrainResult> ToTheEnd();

 private:
  // Chooses the next round, if there is to be one, and hands it to the LLM.
  absl::Status Plan();
  // What is done while the LLM works.
  absl::Status LearnAndPlan();
  // Updates the learner with the last round that was answered.
  absl::Status Learn();
  absl::Status CheckHealth(const LearnerMetrics& metrics) const;
  // Takes over what the LLM answered.
  absl::Status Absorb(RoundResult result);
  absl::StatusOr<TrainResult> Finish();

  RoundStart NextStart() const;
  // The gain on a fixed set of users; nullopt if it is not asked for.
  absl::StatusOr<std::optional<GainInterval>> Gain(
      const policy::Policy& policy);
  bool DefaultKnown(const TaskId& id) const;
  double IdleShare(double until) const;

  const TaskSource& source_;
  Learner& learner_;
  ExportSettings settings_;
  const RolloutExporter exporter_;
  const absl::Span<const Task> golden_;
  const TrainOptions& options_;
  const RoundOptions round_options_;
  RunRecord record_;

  Progress progress_;
  std::shared_ptr<const Round> running_;  // the LLM works on it
  std::shared_ptr<const Round> next_;     // and goes on with this one
  std::vector<Eigen::VectorXf> gain_states_;
  std::optional<GainInterval> gain_;
  bool enough_ = false;     // the planner ends the run
  bool cancelled_ = false;  // on_round does
  int silent_rounds_ = 0;
  double started_ = 0.0;
  double learned_at_ = 0.0;
  double llm_seconds_ = 0.0;        // so far
  double round_llm_seconds_ = 0.0;  // of the last round answered
  std::vector<std::pair<std::string, double>> backend_metrics_;  // after it
  double answered_at_ = 0.0;
  RoundRunner runner_;
};

bool Run::DefaultKnown(const TaskId& id) const {
  if (progress_.defaults.contains(id)) return true;
  return running_ != nullptr &&
         std::any_of(running_->episodes.begin(), running_->episodes.end(),
                     [&](const Episode& episode) {
                       return episode.is_default && episode.id == id;
                     });
}

// A function of what was answered and of the round under way: the same whether
// that one is answered meanwhile or was before the run was resumed.
RoundStart Run::NextStart() const {
  const int64_t spent = progress_.totals.Spent();
  const int64_t calls =
      running_ != nullptr
          ? std::max<int64_t>(0, options_.budget - spent - running_->Calls())
          : CallsLeft(options_.budget, spent, progress_.lost);
  return {
      .cursor = running_ != nullptr ? running_->end : progress_.cursor,
      .episodes =
          (calls + options_.episode_length - 1) / options_.episode_length,
      .default_known = [this](const TaskId& id) { return DefaultKnown(id); }};
}

absl::StatusOr<std::optional<GainInterval>> Run::Gain(
    const policy::Policy& policy) {
  if (options_.planner.stop_width <= 0.0) return std::optional<GainInterval>();
  if (gain_states_.empty()) {
    const int users = std::min(kGainUsers, source_.num_users);
    for (const TaskId& id :
         TasksAt(0, users, source_.num_users, round_options_.tasks)) {
      const Task task = source_.make_task(id.user, id.draw, id.ordinal);
      ATTUNE_ASSIGN_OR_RETURN(policy::UserState state,
                              policy.Encode(RequestOf(task, 0)));
      gain_states_.push_back(std::move(state.features));
    }
  }
  const auto gain = learner_.EstimateGain(gain_states_);
  if (!gain.has_value()) return std::optional<GainInterval>();
  return std::optional<GainInterval>(IntervalOf(*gain));
}

absl::Status Run::Plan() {
  const RoundStart start = NextStart();
  if (start.episodes < 1 || enough_) return absl::OkStatus();
  ATTUNE_ASSIGN_OR_RETURN(auto policy,
                          exporter_.PolicyOf(learner_.ExportTensors()));
  ATTUNE_ASSIGN_OR_RETURN(gain_, Gain(*policy));
  const int64_t learned = progress_.totals.rankings -
                          static_cast<int64_t>(progress_.pending.size());
  enough_ =
      gain_.has_value() && NarrowEnough(*gain_, learned, options_.planner);
  if (enough_) return absl::OkStatus();
  ATTUNE_ASSIGN_OR_RETURN(
      Round round,
      PlanRound(source_, round_options_, learner_, std::move(policy), start));
  next_ = std::make_shared<const Round>(std::move(round));
  runner_.Add(next_);
  return absl::OkStatus();
}

absl::Status Run::CheckHealth(const LearnerMetrics& metrics) const {
  absl::Status health = learner_.Health();
  health.Update(CheckLosses(metrics));
  if (health.ok()) return health;
  return absl::Status(
      health.code(),
      absl::StrCat("round ", progress_.learned_rounds, ": ", health.message(),
                   "; training stopped, the checkpoint of round ",
                   record_.saved_round(), " is kept"));
}

absl::Status Run::Learn() {
  if (!progress_.HasPending()) return absl::OkStatus();
  if (record_.saved_round() < 0 ||
      progress_.totals.round % options_.checkpoint_every == 0) {
    ATTUNE_RETURN_IF_ERROR(record_.Save(progress_, learner_));
  }
  RoundReport report{.totals = progress_.totals,
                     .samples = static_cast<int>(progress_.pending.size()),
                     .llm_seconds = round_llm_seconds_,
                     .llm_idle_share = IdleShare(answered_at_),
                     .backend = backend_metrics_,
                     .gain = gain_};
  for (const Sample& sample : progress_.pending) {
    report.reward += sample.reward / report.samples;
  }
  if (report.samples > 0) {
    if (options_.on_samples) options_.on_samples(progress_.pending);
    const double start = options_.clock();
    report.learner = learner_.Update(progress_.pending);
    report.learn_seconds = options_.clock() - start;
  }
  progress_.pending.clear();
  ++progress_.learned_rounds;
  ATTUNE_RETURN_IF_ERROR(CheckHealth(report.learner));
  const double now = options_.clock();
  report.seconds = now - std::exchange(learned_at_, now);
  ATTUNE_RETURN_IF_ERROR(record_.Append(report));
  cancelled_ = options_.on_round != nullptr && !options_.on_round(report);
  return absl::OkStatus();
}

absl::Status Run::LearnAndPlan() {
  ATTUNE_RETURN_IF_ERROR(Learn());
  return cancelled_ ? absl::OkStatus() : Plan();
}

absl::Status Run::Absorb(RoundResult result) {
  const Round& round = *running_;
  progress_.lost = round.Calls() - result.counts.Spent();
  progress_.totals.Add(result.counts);
  ++progress_.totals.round;
  progress_.cursor = round.end;
  progress_.defaults.merge(result.defaults);
  FillDefaults(round, progress_.defaults, result.samples);
  progress_.pending = std::move(result.samples);
  running_.reset();
  llm_seconds_ += result.llm_seconds;
  round_llm_seconds_ = result.llm_seconds;
  backend_metrics_ = std::move(result.backend);
  answered_at_ = result.ended;
  silent_rounds_ = progress_.pending.empty() ? silent_rounds_ + 1 : 0;
  if (silent_rounds_ < kMaxSilentRounds) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("the LLM answered nothing for ", kMaxSilentRounds,
                   " rounds; last fault: ", result.last_fault.ToString()));
}

double Run::IdleShare(double until) const {
  const double all = until - started_;
  return all > 0.0 ? std::max(0.0, 1.0 - llm_seconds_ / all) : 0.0;
}

absl::StatusOr<TrainResult> Run::Finish() {
  if (!cancelled_) ATTUNE_RETURN_IF_ERROR(Learn());
  ATTUNE_RETURN_IF_ERROR(record_.Save(progress_, learner_));
  if (cancelled_) {
    return absl::CancelledError(
        "stopped; the checkpoint is kept, --resume goes on");
  }
  const double now = options_.clock();
  TrainResult result{.totals = progress_.totals,
                     .stopped_early = enough_,
                     .seconds = now - started_,
                     .llm_idle_share = IdleShare(now)};
  settings_.facts.set_llm_calls(result.totals.Spent());
  const std::vector<policy::NamedTensor> tensors = learner_.ExportTensors();
  if (options_.planner.stop_width > 0.0) {
    ATTUNE_ASSIGN_OR_RETURN(const auto policy, exporter_.PolicyOf(tensors));
    ATTUNE_ASSIGN_OR_RETURN(result.gain, Gain(*policy));
  }
  ATTUNE_ASSIGN_OR_RETURN(result.revision,
                          MakeRevision(settings_, tensors, golden_));
  return result;
}

absl::StatusOr<TrainResult> Run::ToTheEnd() {
  UseOneBlasThread();
  started_ = learned_at_ = options_.clock();
  ATTUNE_ASSIGN_OR_RETURN(progress_,
                          record_.Restore(options_.resume, learner_));
  ATTUNE_RETURN_IF_ERROR(Plan());
  while (next_ != nullptr) {
    running_ = std::exchange(next_, nullptr);
    ATTUNE_RETURN_IF_ERROR(LearnAndPlan());
    ATTUNE_ASSIGN_OR_RETURN(RoundResult result, runner_.Take());
    ATTUNE_RETURN_IF_ERROR(Absorb(std::move(result)));
    // Losses left some budget that was not foreseen.
    if (!cancelled_ && next_ == nullptr) ATTUNE_RETURN_IF_ERROR(Plan());
  }
  return Finish();
}

}  // namespace

absl::StatusOr<TrainResult> Train(const TaskSource& source, LlmBackend& backend,
                                  Learner& learner, ExportSettings settings,
                                  absl::Span<const Task> golden,
                                  const TrainOptions& options) {
  ATTUNE_RETURN_IF_ERROR(Check(options));
  if (source.num_users < 1) {
    return absl::InvalidArgumentError("there are no users to learn from");
  }
  return Run(source, backend, learner, std::move(settings), golden, options)
      .ToTheEnd();
}

}  // namespace attune::trainer
