// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/study_run.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/metrics.h"
#include "policy/status_macros.h"
#include "trainer/ablations.h"
#include "trainer/study_search.h"
#include "trainer/study_training.h"
#include "trainer/user_shuffle.h"

namespace attune::trainer {
namespace {

absl::Status CheckOptions(const StudyOptions& options) {
  if (options.seeds.empty()) {
    return absl::InvalidArgumentError("--seeds: at least one is needed");
  }
  if (options.learners.empty() && options.revisions.empty()) {
    return absl::InvalidArgumentError(
        "--learners or --revision: at least one method is needed");
  }
  std::set<std::string> names(options.learners.begin(), options.learners.end());
  for (const NamedRevisions& named : options.revisions) {
    const size_t count = named.revisions.size();
    if (count != 1 && count != options.seeds.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--revision ", named.name, ": ", count,
                       " files; one, or one a seed, is needed"));
    }
    names.insert(named.name);
  }
  if (names.size() != options.learners.size() + options.revisions.size()) {
    return absl::InvalidArgumentError(
        "--learners and --revision: two methods have one name");
  }
  if (!options.ablate.empty() && !names.contains(options.ablate)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--ablations: ", options.ablate,
                     " is neither a learner nor a revision here"));
  }
  if (options.oracle_users > 0 &&
      std::find(options.searches.begin(), options.searches.end(), kBestFixed) ==
          options.searches.end()) {
    return absl::InvalidArgumentError(
        "--oracle-users: the oracle is compared with best_fixed, which must be "
        "searched for");
  }
  return absl::OkStatus();
}

const char* ReadoutName(policy::Readout readout) {
  switch (readout) {
    case policy::Readout::kGenerate:
      return "generate";
    case policy::Readout::kLabels:
      return "labels";
    case policy::Readout::kLikelihood:
      return "likelihood";
  }
  return "";
}

Method ScorerMethod(const Scorer& scorer) {
  return {
      .name = scorer.name(), .kind = MethodKind::kScorer, .scorer = &scorer};
}

// A learner's policies, one a seed.
struct Policies {
  std::string name;
  std::vector<std::shared_ptr<const policy::Revision>> revisions;
  int64_t train_llm_calls = 0;
};

Method PolicyMethod(const Policies& policies) {
  Method method{.name = policies.name, .kind = MethodKind::kLearner};
  for (const auto& revision : policies.revisions) {
    method.choosers.push_back(GreedyPrompt(revision->policy()));
    method.policies.push_back(&revision->policy());
  }
  method.train_llm_calls = policies.train_llm_calls;
  return method;
}

class Study {
 public:
  Study(StudyWorld& world, const TrainSetupFlags& flags,
        const StudyOptions& options)
      : world_(world), flags_(flags), options_(options) {
    evaluate_.run.seed = options.seed;
    evaluate_.progress = options.progress;
  }

  absl::StatusOr<Evaluation> Run() {
    ATTUNE_RETURN_IF_ERROR(TrainLearners());
    for (const NamedRevisions& named : options_.revisions) {
      policies_.push_back({.name = named.name, .revisions = named.revisions});
    }
    ATTUNE_RETURN_IF_ERROR(SearchPrompts());
    ATTUNE_RETURN_IF_ERROR(Measure());
    ATTUNE_RETURN_IF_ERROR(ExchangeUsers());
    ATTUNE_RETURN_IF_ERROR(AskOracle());
    ATTUNE_RETURN_IF_ERROR(Ablate());
    ATTUNE_RETURN_IF_ERROR(Describe());
    Summarise();
    return std::move(evaluation_);
  }

 private:
  absl::Status TrainLearners();
  absl::StatusOr<Policies> TrainLearner(const std::string& learner,
                                        const std::string& label,
                                        const TrainOptions& train);
  absl::Status SearchPrompts();
  Method SearchedMethod(const std::string& name) const;
  absl::Status Measure();
  absl::Status ExchangeUsers();
  absl::Status AskOracle();
  absl::Status Ablate();
  absl::StatusOr<std::vector<Method>> RetrainedMethods();
  void AddAblation(const std::string& name, const MethodRun& ablated,
                   const MethodRun& full);
  absl::Status Describe();
  void Summarise();

  const MethodRun* FindRun(const std::string& name) const {
    for (const MethodRun& run : runs_) {
      if (run.name == name) return &run;
    }
    return nullptr;
  }

  StudyWorld& world_;
  const TrainSetupFlags& flags_;
  const StudyOptions& options_;
  EvaluateOptions evaluate_;
  std::vector<Policies> policies_;
  // Learners trained only to be compared with.
  std::vector<Policies> retrained_;
  std::map<std::string, std::vector<FixedOptions>> fixed_;  // by search, seed
  std::vector<Task> tasks_;
  std::vector<std::unique_ptr<Scorer>> scorers_;
  std::vector<MethodRun> runs_;
  Evaluation evaluation_;
};

absl::StatusOr<Policies> Study::TrainLearner(const std::string& learner,
                                             const std::string& label,
                                             const TrainOptions& train) {
  Policies policies{.name = label};
  for (const uint64_t seed : options_.seeds) {
    TrainOptions options = train;
    const std::string step = absl::StrCat(label, " seed ", seed);
    if (options_.progress) {
      options.on_round = [&](const RoundReport& report) {
        options_.progress(step, static_cast<int>(report.totals.rankings),
                          static_cast<int>(options.budget));
        return true;
      };
    }
    ATTUNE_ASSIGN_OR_RETURN(
        TrainedPolicy trained,
        TrainForStudy(*world_.setup(), learner, seed,
                      absl::StrCat(options_.work, "/", label, "-", seed),
                      options));
    policies.train_llm_calls =
        std::max(policies.train_llm_calls, trained.llm_calls);
    policies.revisions.push_back(std::move(trained.revision));
    trained.curve.method = label;
    evaluation_.curves.push_back(std::move(trained.curve));
  }
  return policies;
}

absl::Status Study::TrainLearners() {
  for (const std::string& learner : options_.learners) {
    ATTUNE_ASSIGN_OR_RETURN(Policies policies,
                            TrainLearner(learner, learner, options_.train));
    policies_.push_back(std::move(policies));
  }
  return absl::OkStatus();
}

absl::Status Study::SearchPrompts() {
  for (const std::string& name : options_.searches) {
    for (const uint64_t seed : options_.seeds) {
      ATTUNE_ASSIGN_OR_RETURN(
          FoundPrompt found,
          SearchForPrompt(world_, name, seed,
                          static_cast<int>(options_.train.budget),
                          options_.progress));
      fixed_[name].push_back(found.options);
      evaluation_.found.push_back(std::move(found));
    }
  }
  return absl::OkStatus();
}

Method Study::SearchedMethod(const std::string& name) const {
  Method method{.name = name, .kind = MethodKind::kPrompt};
  for (const FixedOptions& options : fixed_.at(name)) {
    method.choosers.push_back(FixedPrompt(world_.policy(), options));
  }
  for (const FoundPrompt& found : evaluation_.found) {
    if (found.method != name) continue;
    method.train_llm_calls =
        std::max<int64_t>(method.train_llm_calls, found.llm_rankings);
  }
  return method;
}

absl::Status Study::Measure() {
  tasks_ = world_.TestTasks(options_.test_users, options_.tasks_per_user);
  ATTUNE_ASSIGN_OR_RETURN(scorers_, world_.Scorers(options_.seed));
  std::vector<Method> methods;
  for (const auto& scorer : scorers_) methods.push_back(ScorerMethod(*scorer));
  methods.push_back(
      {.name = "default", .choosers = {DefaultPrompt(world_.policy())}});
  methods.push_back(
      {.name = "uniform", .choosers = {UniformPrompt(world_.policy())}});
  for (const std::string& name : options_.searches) {
    methods.push_back(SearchedMethod(name));
  }
  for (const Policies& policies : policies_) {
    methods.push_back(PolicyMethod(policies));
  }
  ATTUNE_ASSIGN_OR_RETURN(
      runs_, Evaluate(methods, tasks_, world_.backend(), evaluate_));
  return absl::OkStatus();
}

absl::Status Study::ExchangeUsers() {
  for (const ShuffleScope scope :
       {ShuffleScope::kAllUsers, ShuffleScope::kSameSlices}) {
    const std::vector<int> sources =
        ShuffledSources(tasks_, scope, options_.seed);
    for (const MethodRun& run : runs_) {
      if (run.kind != MethodKind::kLearner) continue;
      ATTUNE_ASSIGN_OR_RETURN(
          const MethodRun shuffled,
          RunShuffled(run, sources, tasks_, world_.backend(), evaluate_));
      for (ShuffleDrop& drop :
           DropsOf(tasks_, run, shuffled, scope, options_.seed)) {
        evaluation_.shuffle.push_back(std::move(drop));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Study::AskOracle() {
  if (options_.oracle_users < 1) return absl::OkStatus();
  const policy::Catalog& catalog = world_.policy().catalog();
  std::vector<MethodRun> same_catalog;
  for (const MethodRun& run : runs_) {
    if (!run.policies.empty() &&
        run.policies[0]->catalog().digest == catalog.digest) {
      same_catalog.push_back(run);
    }
  }
  ATTUNE_ASSIGN_OR_RETURN(
      const OracleTable table,
      FillOracleTable(world_.policy(),
                      OracleChoices(catalog, fixed_.at(kBestFixed),
                                    same_catalog, options_.oracle_choices),
                      tasks_, options_.oracle_users, world_.backend(),
                      evaluate_));
  runs_.push_back(OracleRun(tasks_, table, runs_));
  for (const Slice slice : kSlices) {
    const std::vector<UserRewards> users = UserTables(tasks_, table, slice);
    const Headroom headroom =
        MeasureHeadroom(users, /*fixed=*/0, options_.seed);
    if (headroom.users > 0) evaluation_.headroom.push_back({slice, headroom});
  }
  evaluation_.effects = EffectsOf(catalog, tasks_, table, options_.seed);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Method>> Study::RetrainedMethods() {
  const bool trained =
      std::find(options_.learners.begin(), options_.learners.end(),
                options_.ablate) != options_.learners.end();
  std::vector<Method> methods;
  if (!trained) return methods;
  for (const int episode : options_.ablate_episodes) {
    TrainOptions train = options_.train;
    train.episode_length = episode;
    ATTUNE_ASSIGN_OR_RETURN(
        Policies policies,
        TrainLearner(options_.ablate,
                     absl::StrCat(options_.ablate, " T=", episode), train));
    methods.push_back(PolicyMethod(policies));
    retrained_.push_back(std::move(policies));
  }
  return methods;
}

void Study::AddAblation(const std::string& name, const MethodRun& ablated,
                        const MethodRun& full) {
  evaluation_.ablations.push_back(
      {.name = name,
       .ndcg_at_10 = trainer::Summarise(tasks_, ablated, options_.seed)
                         .slices[0]
                         .ndcg_at_10,
       .difference =
           HierarchicalMean(PairedNdcg(tasks_, ablated, full, Slice::kAll),
                            options_.seed)
               .interval});
}

absl::Status Study::Ablate() {
  if (options_.ablate.empty()) return absl::OkStatus();
  const MethodRun* full = FindRun(options_.ablate);
  std::vector<FixedOptions> frozen(
      full->policies.size(), DefaultOptions(full->policies[0]->catalog()));
  const auto found = fixed_.find(kBestFixed);
  if (found != fixed_.end()) {
    for (size_t s = 0; s < frozen.size(); ++s) frozen[s] = found->second[s];
  }
  std::vector<Method> methods = AblationMethods(full->policies, frozen);
  ATTUNE_ASSIGN_OR_RETURN(std::vector<Method> more, RetrainedMethods());
  for (Method& method : more) methods.push_back(std::move(method));
  ATTUNE_ASSIGN_OR_RETURN(
      const std::vector<MethodRun> ablated,
      Evaluate(methods, tasks_, world_.backend(), evaluate_));
  for (const MethodRun& run : ablated) AddAblation(run.name, run, *full);
  const MethodRun* shared = FindRun("rpp_published");
  const MethodRun* per_user = FindRun("a2c");
  if (shared != nullptr && per_user != nullptr) {
    AddAblation("reward shared (rpp_published - a2c)", *shared, *per_user);
  }
  return absl::OkStatus();
}

absl::Status Study::Describe() {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<TaskTraits> traits,
                          DescribeTasks(world_.policy(), tasks_));
  for (const MethodRun& run : runs_) {
    if (run.kind == MethodKind::kOracle) continue;
    for (PositionPoint& point : PositionCurve(tasks_, run)) {
      evaluation_.positions.push_back(std::move(point));
    }
    if (run.kind != MethodKind::kLearner) continue;
    for (ChoiceShares& shares :
         ChoicesByGroup(run.policies[0]->catalog(), traits, run)) {
      evaluation_.choices.push_back(std::move(shares));
    }
  }
  return absl::OkStatus();
}

void Study::Summarise() {
  const policy::Policy& policy = world_.policy();
  evaluation_.dataset = world_.dataset_name();
  evaluation_.llm = world_.backend().Identity();
  evaluation_.readout = ReadoutName(policy.readout());
  evaluation_.catalog = policy.shared_catalog();
  evaluation_.candidates = static_cast<int>(tasks_[0].candidates.size());
  evaluation_.negatives = flags_.data.negatives;
  evaluation_.budget = options_.train.budget;
  evaluation_.seeds = options_.seeds;
  evaluation_.tasks = static_cast<int>(tasks_.size());
  evaluation_.chance_ndcg = policy::RandomNdcgAt(10, evaluation_.candidates);
  for (const MethodRun& run : runs_) {
    evaluation_.methods.push_back(
        trainer::Summarise(tasks_, run, options_.seed));
    evaluation_.users =
        std::max(evaluation_.users, evaluation_.methods.back().slices[0].users);
  }
  evaluation_.comparisons =
      Compare(tasks_, runs_, {kBestFixed, "default", "uniform"}, options_.seed);
}

}  // namespace

absl::StatusOr<Evaluation> RunStudy(StudyWorld& world,
                                    const TrainSetupFlags& flags,
                                    const StudyOptions& options) {
  ATTUNE_RETURN_IF_ERROR(CheckOptions(options));
  return Study(world, flags, options).Run();
}

}  // namespace attune::trainer
