// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/refined_training.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "policy/status_macros.h"
#include "trainer/pattern_advantage.h"

namespace attune::trainer {
namespace {

// The run's state and its steps.
class RefinedRun {
 public:
  RefinedRun(TrainSetup& setup, Rewriter& rewriter,
             const RefinedTrainingOptions& options)
      : setup_(setup),
        rewriter_(rewriter),
        options_(options),
        plan_(PlanBudget(options)) {}

  absl::StatusOr<RefinedTrainingResult> ToTheEnd() {
    for (int i = 0; i <= options_.refinements; ++i) {
      ATTUNE_RETURN_IF_ERROR(TrainFor(i));
      if (i < options_.refinements) ATTUNE_RETURN_IF_ERROR(RefineOnce(i));
    }
    ATTUNE_ASSIGN_OR_RETURN(result_.revision, Export());
    return std::move(result_);
  }

 private:
  // Every stage has tasks and seeds of its own.
  Task FreshTask(int index, int draw, int ordinal) const {
    return setup_.source.make_task(index, first_draw_ + draw, ordinal);
  }

  absl::Status TrainFor(int stage) {
    const int64_t budget = StageBudget(stage);
    if (budget < 1) return absl::OkStatus();
    TrainOptions options = options_.train;
    options.budget = budget;
    options.resume = false;
    options.seed = StageSeed(stage);
    options.on_samples = [&](absl::Span<const Sample> samples) {
      rounds_.emplace_back(samples.begin(), samples.end());
    };
    const TaskSource source{
        .num_users = setup_.source.num_users,
        .make_task = [this](int index, int draw, int ordinal) {
          return FreshTask(index, draw, ordinal);
        }};
    ATTUNE_ASSIGN_OR_RETURN(const TrainResult trained,
                            Train(source, *setup_.backend, *setup_.learner,
                                  setup_.settings, setup_.golden, options));
    const int64_t asked = trained.totals.rankings + trained.totals.dropped;
    result_.rankings += asked;
    first_draw_ += static_cast<int>(asked / source.num_users) + 1;
    return absl::OkStatus();
  }

  // What is left of the budget up to and with this stage's training: rounds
  // that were larger than planned, or trials that were not needed, even out.
  int64_t StageBudget(int stage) const {
    int64_t until = 0;
    for (int i = 0; i <= stage; ++i) until += plan_.trainings[i];
    return until + plan_.refinement * stage - result_.rankings;
  }

  uint64_t StageSeed(int stage) const {
    return stage == 0 ? options_.train.seed
                      : policy::Mix64(options_.train.seed + 7919 * stage);
  }

  absl::StatusOr<std::string> Export() {
    setup_.settings.facts.set_llm_calls(result_.rankings);
    return MakeRevision(setup_.settings, setup_.learner->ExportTensors(),
                        setup_.golden);
  }

  std::vector<Sample> AllSamples() const {
    std::vector<Sample> all;
    for (const std::vector<Sample>& round : rounds_) {
      all.insert(all.end(), round.begin(), round.end());
    }
    return all;
  }

  // The worst pattern that was not refined yet, or the worst of all when each
  // was.
  PatternAdvantage Pick(const std::vector<PatternAdvantage>& advantages) {
    for (const PatternAdvantage& advantage : advantages) {
      if (refined_.insert(advantage.pattern).second) return advantage;
    }
    refined_ = {advantages[0].pattern};
    return advantages[0];
  }

  absl::Status RefineOnce(int stage) {
    ATTUNE_ASSIGN_OR_RETURN(std::string artifact, Export());
    ATTUNE_ASSIGN_OR_RETURN(const auto revision,
                            policy::Revision::Load(std::move(artifact)));
    const std::vector<PatternAdvantage> advantages =
        PatternAdvantages(revision->policy(), AllSamples());
    if (advantages.empty()) {
      return absl::FailedPreconditionError(
          "the catalog has no sentence that could be rewritten");
    }
    const PatternAdvantage worst = Pick(advantages);
    RefineOptions refine = options_.refine;
    refine.calls = static_cast<int>(plan_.refinement);
    refine.seed = policy::Mix64(StageSeed(stage) + 1);
    const ExportSettings settings = setup_.settings;
    const std::vector<policy::NamedTensor> agents =
        setup_.learner->ExportTensors();
    const auto task = [this](int i) {
      return FreshTask(
          UserAt(i, setup_.source.num_users, options_.train.seed + first_draw_),
          /*draw=*/0, i);
    };
    const auto backend = [this](std::shared_ptr<const policy::Catalog> catalog)
        -> absl::StatusOr<LlmBackend*> {
      ATTUNE_RETURN_IF_ERROR(setup_.UseCatalog(std::move(catalog)));
      return setup_.backend.get();
    };
    ATTUNE_ASSIGN_OR_RETURN(Refinement refinement,
                            Refine({.revision = *revision,
                                    .settings = settings,
                                    .agents = agents,
                                    .golden = setup_.golden,
                                    .pattern = worst.pattern,
                                    .parent = worst.parent,
                                    .task = task,
                                    .backend = backend},
                                   rewriter_, refine));
    ++first_draw_;
    result_.rankings += refinement.rankings;
    if (!refinement.samples.empty()) rounds_.push_back(refinement.samples);
    ATTUNE_RETURN_IF_ERROR(setup_.UseCatalog(refinement.catalog));
    for (const std::vector<Sample>& round : rounds_) {
      setup_.learner->Update(round);
    }
    const policy::Pattern& pattern =
        revision->policy().catalog().patterns[worst.pattern];
    const policy::Option& option = pattern.options[worst.parent];
    result_.refinements.push_back({.pattern = pattern.name,
                                   .option = option.id,
                                   .sentence = option.text,
                                   .revision = revision->id(),
                                   .advantage = worst.advantage,
                                   .refinement = std::move(refinement)});
    if (options_.on_refinement) {
      options_.on_refinement(result_.refinements.back());
    }
    return absl::OkStatus();
  }

  TrainSetup& setup_;
  Rewriter& rewriter_;
  const RefinedTrainingOptions& options_;
  const BudgetPlan plan_;
  std::vector<std::vector<Sample>> rounds_;
  std::set<int> refined_;
  int first_draw_ = 0;
  RefinedTrainingResult result_;
};

}  // namespace

BudgetPlan PlanBudget(const RefinedTrainingOptions& options) {
  const auto budget = static_cast<double>(options.train.budget);
  const int refinements = options.refinements;
  BudgetPlan plan;
  if (refinements == 0) {
    plan.trainings = {options.train.budget};
    return plan;
  }
  plan.refinement = static_cast<int64_t>(budget * options.refine_share);
  plan.trainings.push_back(static_cast<int64_t>(budget * options.first_share));
  const int64_t rest =
      options.train.budget - plan.trainings[0] - refinements * plan.refinement;
  for (int i = 0; i < refinements; ++i) {
    plan.trainings.push_back(rest * (i + 1) / refinements -
                             rest * i / refinements);
  }
  return plan;
}

absl::StatusOr<RefinedTrainingResult> TrainRefined(
    TrainSetup& setup, Rewriter& rewriter,
    const RefinedTrainingOptions& options) {
  const bool in_range =
      options.refinements >= 0 && options.first_share > 0.0 &&
      options.refine_share > 0.0 &&
      options.first_share + options.refinements * options.refine_share <= 1.0;
  if (!in_range) {
    return absl::InvalidArgumentError(
        "refinements: shares of the budget must be above 0 and add up to at "
        "most 1");
  }
  const BudgetPlan plan = PlanBudget(options);
  if (options.refinements > 0 &&
      (plan.refinement < 2 * options.refine.probe_tasks ||
       plan.trainings[0] < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("budget: leaves ", plan.refinement,
                     " rankings for a refinement, at least ",
                     2 * options.refine.probe_tasks, " are needed"));
  }
  return RefinedRun(setup, rewriter, options).ToTheEnd();
}

}  // namespace attune::trainer
