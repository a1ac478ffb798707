// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TRAINER_SIM_LOG_H_
#define ATTUNE_TESTS_TRAINER_SIM_LOG_H_

// A decision log of simulated users, as a server would have exported it, and
// what any policy is truly worth to these users.
//
//   SimLogWorld sim(SimSetting::kPaper, seed, 600);
//   auto target = sim.Random(HeadsKind::kIndependent, 0.7, seed);
//   auto log = sim.Log(*sim.Uniform(), 3000, seed);
//   double truth = sim.TrueValue(DistributionOf(target->policy().actor(), kSample),
//                                target->policy());

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/metrics.h"
#include "policy/policy.h"
#include "policy/random.h"
#include "trainer/choice_distribution.h"
#include "trainer/chooser.h"
#include "trainer/export.h"
#include "trainer/files.h"
#include "trainer/linear_heads.h"
#include "trainer/normal.h"
#include "trainer/reward_cross_fit.h"
#include "trainer/sim_world.h"
#include "trainer/train_setup.h"

namespace attune::testing {

// What a caller's own prompt is for a task: an option for every pattern.
using SimCaller = std::function<std::vector<int>(const trainer::Task&)>;

class SimLogWorld {
 public:
  SimLogWorld(trainer::SimSetting setting, uint64_t seed, int users,
              const std::string& catalog = "movies_paper.yaml")
      : catalog_(policy::Catalog::Parse(
                     trainer::ReadFile(absl::StrCat(ATTUNE_SOURCE_DIR
                                                    "/policy/catalogs/",
                                                    catalog))
                         .value())
                     .value()),
        world_(Options(setting, seed, users), *catalog_),
        items_({.tensors = world_.users().ItemTensors(),
                .strings = world_.users().ItemStrings()}) {
    settings_.catalog = catalog_;
    settings_.items = &items_;
    settings_.encoder.embedding_dim = world_.options().embedding_dim;
    settings_.encoder.recency_decay =
        static_cast<float>(world_.options().recency_decay);
    settings_.encoder.gru_hidden = 0;
  }

  const trainer::SimWorld& world() const { return world_; }

  // Uniform over the catalog; knows the items. The artifact's bytes.
  std::string UniformArtifact() const {
    return trainer::MakeRevision(settings_, {}, {}).value();
  }
  std::shared_ptr<const policy::Revision> Uniform() const {
    return policy::Revision::Load(UniformArtifact()).value();
  }

  // Logits that differ by about `scale`, a third of it by user.
  std::shared_ptr<const policy::Revision> Random(policy::HeadsKind kind,
                                                 float scale,
                                                 uint64_t seed) const {
    trainer::ExportSettings settings = settings_;
    settings.heads = trainer::NetworkSpec().heads;
    settings.heads.kind = kind;
    const auto spec = trainer::SpecOf(settings, seed).value();
    policy::Rng rng(seed, 77);
    const int total = catalog_->TotalOptions();
    trainer::LinearScores scores{
        .state = policy::RowMajorMatrix::Zero(total, spec.state_dim),
        .earlier = Eigen::MatrixXf::Zero(total, total),
        .bias = Eigen::VectorXf::Zero(total)};
    for (float& x : scores.bias) x = scale * Gauss(rng);
    for (float& x : scores.state.leftCols(spec.item_dim).reshaped()) {
      x = scale / 3.0F * Gauss(rng);
    }
    for (float& x : scores.earlier.reshaped()) x = scale / 3.0F * Gauss(rng);
    const std::vector<trainer::Task> golden = {world_.MakeTask(0, 0, 0)};
    std::string artifact =
        trainer::MakeRevision(settings, trainer::LinearHeads(spec, scores),
                              golden)
            .value();
    artifacts_[policy::RevisionIdOf(artifact)] = artifact;
    return policy::Revision::Load(std::move(artifact)).value();
  }
  // Of a revision that Random() made.
  const std::string& ArtifactOf(const policy::Revision& revision) const {
    return artifacts_.at(revision.id());
  }

  // Decisions for users drawn with replacement, with rewards; of the first
  // `users` users if not 0.
  std::vector<v1::LoggedDecision> Log(const policy::Revision& revision,
                                      int count, uint64_t seed,
                                      int users = 0) const {
    return ApprenticeLog(revision, nullptr, count, seed, users);
  }
  // The same of decisions that the caller took while the revision watched, with
  // ids that Log() does not give.
  std::vector<v1::LoggedDecision> ApprenticeLog(
      const policy::Revision& revision, const SimCaller& caller, int count,
      uint64_t seed, int users = 0) const {
    std::vector<v1::LoggedDecision> log;
    if (users == 0) users = world_.num_users();
    policy::Rng rng(seed, 78);
    for (int i = 0; i < count; ++i) {
      log.push_back(Decision(revision, caller, users, rng));
      log.back().set_decision_id(absl::StrCat(caller ? "own " : "", i));
    }
    return log;
  }

  // Mean over all users of the expected reward, by enumeration of every choice
  // in `draws` states of each.
  double TrueValue(const trainer::ChoiceDistribution& distribution,
                   const policy::Policy& policy, int draws = 2) const {
    double sum = 0.0;
    for (int user = 0; user < world_.num_users(); ++user) {
      for (int draw = 0; draw < draws; ++draw) {
        sum += UserValue(distribution, policy, user, draw);
      }
    }
    return sum / draws / world_.num_users();
  }
  // The same of a caller's own choices.
  double TrueValue(const SimCaller& caller, int draws = 2) const {
    double sum = 0.0;
    for (int user = 0; user < world_.num_users(); ++user) {
      for (int draw = 0; draw < draws; ++draw) {
        sum += UserValue(caller, user, draw);
      }
    }
    return sum / draws / world_.num_users();
  }
  double UserValue(const SimCaller& caller, int user, int draw) const {
    return world_.ExpectedReward(user,
                                 caller(world_.MakeTask(user, draw, user)));
  }
  // Of one user in the state of one draw.
  double UserValue(const trainer::ChoiceDistribution& distribution,
                   const policy::Policy& policy, int user, int draw) const {
    const trainer::Task task = world_.MakeTask(user, draw, user);
    std::vector<int> choice;
    return Descend(distribution, StateOf(policy, task), user, 1.0, choice);
  }

  static Eigen::VectorXf StateOf(const policy::Policy& policy,
                                 const trainer::Task& task) {
    return policy
        .Encode({.history = task.history, .candidates = task.candidates})
        .value()
        .features;
  }

 private:
  static trainer::SimWorldOptions Options(trainer::SimSetting setting,
                                          uint64_t seed, int users) {
    trainer::SimWorldOptions options =
        trainer::SimSettingOptions(setting, seed);
    options.users = users;
    return options;
  }
  static float Gauss(policy::Rng& rng) {
    return static_cast<float>(trainer::Normal(rng));
  }
  static policy::Choice OwnChoice(const std::vector<int>& options) {
    policy::Choice choice;
    for (const int option : options) {
      choice.patterns.push_back({.option = option, .probability = 1.0F});
    }
    return choice;
  }

  // The caller's if there is one, else the revision's.
  v1::LoggedDecision Decision(const policy::Revision& revision,
                              const SimCaller& caller, int users,
                              policy::Rng& rng) const {
    const policy::Policy& policy = revision.policy();
    const int user = static_cast<int>(rng.Below(users));
    const auto draw = static_cast<int>(rng.Below(1 << 20));
    const trainer::Task task =
        world_.MakeTask(user, draw, static_cast<int>(rng.Below(10)));
    const Eigen::VectorXf state = StateOf(policy, task);
    const policy::Choice choice =
        caller
            ? OwnChoice(caller(task))
            : policy.actor().Decide(state, policy::DecisionMode::kSample, rng);
    v1::LoggedDecision decision;
    decision.set_user(absl::StrCat("user ", user));
    decision.set_revision(revision.id());
    decision.set_catalog_digest(catalog_->digest);
    decision.set_mode(caller ? v1::DECISION_MODE_APPRENTICE
                             : v1::DECISION_MODE_SAMPLE);
    decision.set_readout(static_cast<v1::Readout>(policy.readout()));
    decision.mutable_state()->Add(state.data(), state.data() + state.size());
    decision.set_state_dim(static_cast<int>(state.size()));
    std::vector<int> options;
    for (const policy::PatternChoice& chosen : choice.patterns) {
      v1::LoggedPattern& pattern = *decision.add_patterns();
      pattern.set_option(chosen.option);
      pattern.set_propensity(chosen.probability);
      const Eigen::VectorXf all = policy.actor().Probabilities(
          static_cast<int>(options.size()), state, options);
      pattern.mutable_probabilities()->Add(all.data(), all.data() + all.size());
      options.push_back(chosen.option);
    }
    decision.mutable_feedback()->set_reward(Reward(task, options, rng()));
    return decision;
  }

  float Reward(const trainer::Task& task, const std::vector<int>& options,
               uint64_t seed) const {
    const auto place = *world_.PlaceOf(task.sim_task);
    const auto scores = world_.Answer(place, options, seed).scores;
    int rank = 1;
    for (const float s : scores) rank += s > scores[place.target_position];
    return static_cast<float>(policy::NdcgAt(10, rank));
  }

  double Descend(const trainer::ChoiceDistribution& distribution,
                 const Eigen::VectorXf& state, int user, double probability,
                 std::vector<int>& choice) const {
    if (choice.size() == catalog_->patterns.size()) {
      return probability * world_.ExpectedReward(user, choice);
    }
    const Eigen::VectorXf p =
        distribution(static_cast<int>(choice.size()), state, choice);
    double sum = 0.0;
    for (int a = 0; a < p.size(); ++a) {
      choice.push_back(a);
      sum += Descend(distribution, state, user, probability * p[a], choice);
      choice.pop_back();
    }
    return sum;
  }

  std::shared_ptr<const policy::Catalog> catalog_;
  trainer::SimWorld world_;
  trainer::ItemFeatures items_;
  trainer::ExportSettings settings_;
  mutable std::map<std::string, std::string> artifacts_;
};

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TRAINER_SIM_LOG_H_
