// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/train_setup.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "policy/status_macros.h"
#include "trainer/a2c.h"
#include "trainer/bandit.h"
#include "trainer/files.h"
#include "trainer/ppo.h"
#include "trainer/rpp_published.h"
#include "trainer/sim_backend.h"
#include "trainer/sim_score.h"
#include "trainer/sim_world.h"

namespace attune::trainer {
namespace {

constexpr int kGoldenTasks = 4;
constexpr int kGruHidden = 64;

// Real users, and what must outlive the loop.
struct RealSetup final : TrainSetup {
  explicit RealSetup(const TrainSetupFlags& f) : flags(f) {}
  absl::Status UseCatalog(
      std::shared_ptr<const policy::Catalog> catalog) override;

  const TrainSetupFlags flags;
  Dataset data;
  std::unique_ptr<Environment> environment;
  ItemFeatures items;
};

struct SimSetup final : TrainSetup {
  explicit SimSetup(const TrainSetupFlags& f) : flags(f) {}
  absl::Status UseCatalog(
      std::shared_ptr<const policy::Catalog> catalog) override;

  const TrainSetupFlags flags;
  std::unique_ptr<SimWorld> world;
  ItemFeatures items;
};

absl::StatusOr<policy::HeadsKind> ParseHeads(const std::string& name) {
  if (name == "independent") return policy::HeadsKind::kIndependent;
  if (name == "autoregressive") return policy::HeadsKind::kAutoregressive;
  return absl::InvalidArgumentError(
      "--heads: must be independent or autoregressive");
}

// Length of the state that revisions of these settings encode.
absl::StatusOr<int> StateDim(ExportSettings settings) {
  settings.heads = {.exploration_floor = settings.heads.exploration_floor};
  ATTUNE_ASSIGN_OR_RETURN(std::string artifact, MakeRevision(settings, {}, {}));
  ATTUNE_ASSIGN_OR_RETURN(const auto revision,
                          policy::Revision::Load(std::move(artifact)));
  return revision->policy().encoder().StateDim();
}

absl::Status ChangeCatalog(std::shared_ptr<const policy::Catalog> catalog,
                           const TrainSetupFlags& flags, TrainSetup& setup) {
  setup.settings.catalog = std::move(catalog);
  ATTUNE_ASSIGN_OR_RETURN(NetworkSpec spec, SpecOf(setup.settings, flags.seed));
  ATTUNE_ASSIGN_OR_RETURN(setup.learner,
                          MakeLearner(flags.learner, std::move(spec)));
  return absl::OkStatus();
}

absl::Status RealSetup::UseCatalog(
    std::shared_ptr<const policy::Catalog> catalog) {
  return ChangeCatalog(std::move(catalog), flags, *this);
}

absl::Status SimSetup::UseCatalog(
    std::shared_ptr<const policy::Catalog> catalog) {
  world->SetCatalog(*catalog);
  return ChangeCatalog(std::move(catalog), flags, *this);
}

// What real and simulated runs share: catalog, heads, readout.
absl::Status ReadCommonFlags(const TrainSetupFlags& flags,
                             int64_t created_seconds, TrainSetup& setup) {
  if (flags.catalog.empty()) {
    return absl::InvalidArgumentError("--catalog is needed");
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(flags.catalog));
  ExportSettings& settings = setup.settings;
  ATTUNE_ASSIGN_OR_RETURN(settings.catalog, policy::Catalog::Parse(yaml));
  ATTUNE_ASSIGN_OR_RETURN(settings.readout, ParseReadout(flags.readout));
  settings.policy_name = flags.policy_name;
  settings.created_seconds = created_seconds;
  settings.heads = NetworkSpec().heads;
  settings.heads.exploration_floor = flags.exploration_floor;
  ATTUNE_ASSIGN_OR_RETURN(settings.heads.kind, ParseHeads(flags.heads));
  settings.encoder.recency_decay = flags.recency_decay;
  settings.encoder.gru_hidden = GruHidden(flags.episode_length);
  return absl::OkStatus();
}

// What the tasks and the item embeddings depend on beside the files and the
// split.
std::string DataSettings(const TrainSetupFlags& flags) {
  return absl::StrCat(flags.data.Fingerprint(), " epochs ",
                      flags.lightgcn.epochs, " policy ", flags.policy_name);
}

// Learner, facts and fingerprint, once items and backend are there.
absl::Status Finish(const TrainSetupFlags& flags, const std::string& dataset,
                    TrainSetup& setup) {
  v1::TrainingFacts& facts = setup.settings.facts;
  facts.set_learner(flags.learner);
  facts.set_llm(setup.backend->Identity());
  facts.set_dataset(dataset);
  facts.set_seed(flags.seed);
  facts.set_trainer_version(ATTUNE_VERSION);
  setup.fingerprint = absl::StrCat(
      dataset, " catalog ", setup.settings.catalog->digest, " learner ",
      flags.learner, " heads ", flags.heads, " readout ", flags.readout,
      " decay ", flags.recency_decay, " floor ", flags.exploration_floor,
      " llm ", setup.backend->Identity(), " ", DataSettings(flags));
  ATTUNE_ASSIGN_OR_RETURN(NetworkSpec spec, SpecOf(setup.settings, flags.seed));
  ATTUNE_ASSIGN_OR_RETURN(setup.learner,
                          MakeLearner(flags.learner, std::move(spec)));
  return absl::OkStatus();
}

absl::StatusOr<ItemFeatures> LearnItems(const TrainSetupFlags& flags,
                                        const Dataset& dataset) {
  LightGcnOptions options = flags.lightgcn;
  options.seed = flags.seed;
  std::fprintf(stderr, "LightGCN: %d epochs on %zu items\n", options.epochs,
               dataset.items.size());
  ATTUNE_ASSIGN_OR_RETURN(const CollaborativeEmbeddings embeddings,
                          TrainLightGcn(dataset, options));
  ATTUNE_ASSIGN_OR_RETURN(
      ItemFeatures items,
      BuildItemFeatures(dataset, embeddings.items, {.seed = flags.seed}));
  std::fprintf(stderr,
               "LightGCN: loss %.4f; titles foretell unseen items' embeddings "
               "with cosine %.3f (mean embedding: %.3f)\n",
               embeddings.final_loss, items.ngrams.cosine,
               items.ngrams.mean_cosine);
  return items;
}

absl::StatusOr<std::unique_ptr<TrainSetup>> MakeReal(
    const TrainSetupFlags& flags, int64_t created_seconds) {
  auto setup = std::make_unique<RealSetup>(flags);
  ATTUNE_RETURN_IF_ERROR(ReadCommonFlags(flags, created_seconds, *setup));
  ATTUNE_ASSIGN_OR_RETURN(const EnvironmentOptions options,
                          flags.data.Environment());
  ATTUNE_ASSIGN_OR_RETURN(setup->data, Dataset::Load(flags.data.dataset));
  ATTUNE_RETURN_IF_ERROR(Environment::Check(setup->data, options));
  ATTUNE_ASSIGN_OR_RETURN(setup->backend, flags.backend.Make());
  setup->environment = std::make_unique<Environment>(setup->data, options);
  const auto tasks_of = [raw = setup.get()](UserSplit split) {
    std::vector<int> users = raw->data.UsersOf(split);
    const int count = static_cast<int>(users.size());
    return TaskSource{
        count,
        [raw, users = std::move(users)](int index, int draw, int ordinal) {
          return raw->environment->MakeTask(users[index], draw, ordinal);
        }};
  };
  setup->source = tasks_of(UserSplit::kTrain);
  setup->validation = tasks_of(UserSplit::kValidation);
  setup->test = tasks_of(UserSplit::kTest);
  setup->dataset = &setup->data;
  ATTUNE_ASSIGN_OR_RETURN(setup->items, LearnItems(flags, setup->data));
  setup->settings.items = &setup->items;
  setup->settings.encoder.embedding_dim = flags.lightgcn.dim;
  setup->settings.encoder.ngram_buckets = ItemFeatureOptions().ngram_buckets;
  const std::vector<int> golden = setup->data.UsersOf(UserSplit::kValidation);
  for (size_t i = 0; i < std::min<size_t>(kGoldenTasks, golden.size()); ++i) {
    setup->golden.push_back(setup->environment->MakeTask(golden[i], /*draw=*/0,
                                                         static_cast<int>(i)));
  }
  ATTUNE_RETURN_IF_ERROR(
      Finish(flags,
             absl::StrCat(setup->data.name, ", split ", flags.data.dataset.seed,
                          ", ", flags.data.negatives, " negatives"),
             *setup));
  return setup;
}

// Expected reward of the final policy on simulated users not trained on, exactly.
std::string SimReport(const SimSetup& setup, std::string_view artifact) {
  const absl::StatusOr<std::shared_ptr<const policy::Revision>> revision =
      policy::Revision::Load(std::string(artifact));
  if (!revision.ok()) return revision.status().ToString() + "\n";
  const absl::StatusOr<SimScore> score =
      ScoreOnSim(*setup.world, (*revision)->policy());
  if (!score.ok()) return score.status().ToString() + "\n";
  return absl::StrFormat(
      "simulator: uniform %.4f, best fixed %.4f, policy %.4f, optimum %.4f: "
      "%.3f of the way from uniform to the optimum; with other users' prompts "
      "%.4f\n",
      score->bounds.uniform, score->bounds.best_fixed, score->policy,
      score->bounds.optimum, score->Normalised(), score->shuffled);
}

void SleepFor(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

// The world's LLM, here or at workers'.
absl::StatusOr<std::unique_ptr<LlmBackend>> MakeSimBackend(
    const TrainSetupFlags& flags, const SimSetup& setup) {
  auto sim = std::make_unique<SimBackend>(
      *setup.world,
      SimBackend::Pause{.rate = flags.sim_rate, .sleep = SleepFor},
      absl::StrCat(flags.sim_setting, " decay ", flags.recency_decay,
                   " catalog ", setup.settings.catalog->digest));
  if (!flags.backend.workers.given()) return sim;
  return flags.backend.workers.Make(FactsOf(*sim), sim->Identity());
}

absl::StatusOr<std::unique_ptr<TrainSetup>> MakeSim(
    const TrainSetupFlags& flags, int64_t created_seconds) {
  auto setup = std::make_unique<SimSetup>(flags);
  ATTUNE_RETURN_IF_ERROR(ReadCommonFlags(flags, created_seconds, *setup));
  ATTUNE_ASSIGN_OR_RETURN(const SimSetting setting,
                          ParseSimSetting(flags.sim_setting));
  if (!(flags.sim_rate >= 0.0)) {
    return absl::InvalidArgumentError("--sim-rate: must be at least 0");
  }
  SimWorldOptions options = SimSettingOptions(setting, flags.seed);
  options.recency_decay = flags.recency_decay;
  setup->world = std::make_unique<SimWorld>(options, *setup->settings.catalog);
  setup->items.tensors = setup->world->users().ItemTensors();
  setup->items.strings = setup->world->users().ItemStrings();
  setup->settings.items = &setup->items;
  setup->settings.encoder.embedding_dim = options.embedding_dim;
  setup->settings.encoder.ngram_buckets = 0;
  ATTUNE_ASSIGN_OR_RETURN(setup->backend, MakeSimBackend(flags, *setup));
  // Half of the held-out users validate, half test.
  const auto tasks_of = [raw = setup.get()](int first, int count) {
    return TaskSource{count, [raw, first](int index, int draw, int ordinal) {
                        Task task =
                            raw->world->MakeTask(first + index, draw, ordinal);
                        task.user = first + index;
                        return task;
                      }};
  };
  const int train = setup->world->num_train_users();
  const int validation = (setup->world->num_users() - train) / 2;
  setup->source = tasks_of(0, train);
  setup->validation = tasks_of(train, validation);
  setup->test = tasks_of(train + validation,
                         setup->world->num_users() - train - validation);
  for (int i = 0; i < kGoldenTasks; ++i) {
    setup->golden.push_back(setup->world->MakeTask(i, /*draw=*/0, i));
  }
  setup->report = [raw = setup.get()](std::string_view artifact) {
    return SimReport(*raw, artifact);
  };
  ATTUNE_RETURN_IF_ERROR(Finish(
      flags, absl::StrCat("sim, world ", flags.sim_setting, " ", flags.seed),
      *setup));
  return setup;
}

}  // namespace

absl::StatusOr<NetworkSpec> SpecOf(const ExportSettings& settings,
                                   uint64_t seed) {
  NetworkSpec spec{.heads = settings.heads, .seed = seed};
  for (const policy::Pattern& pattern : settings.catalog->patterns) {
    spec.patterns.push_back(pattern.name);
  }
  spec.options_per_pattern = settings.catalog->OptionCounts();
  spec.option_embeddings = OptionEmbeddings(
      *settings.catalog, settings.encoder.option_embedding_dim);
  spec.item_dim = settings.encoder.embedding_dim;
  spec.gru_hidden = settings.encoder.gru_hidden;
  ATTUNE_ASSIGN_OR_RETURN(spec.state_dim, StateDim(settings));
  return spec;
}

absl::StatusOr<std::unique_ptr<Learner>> MakeLearner(const std::string& name,
                                                     NetworkSpec spec) {
  const uint64_t seed = spec.seed;
  if (name == "a2c") return MakeA2cLearner(std::move(spec), {});
  if (name == "bandit") return MakeBanditLearner(std::move(spec), {});
  if (name == "ppo") return MakePpoLearner(std::move(spec), {.seed = seed});
  if (name == "rpp_published") {
    return MakeRppPublishedLearner(std::move(spec), {});
  }
  return absl::InvalidArgumentError(
      "--learner: must be a2c, bandit, ppo or rpp_published");
}

// Without a second iteration nothing would train the GRU.
int GruHidden(int episode_length) {
  return episode_length > 1 ? kGruHidden : 0;
}

void TrainSetupFlags::AddSimTo(CLI::App& command) {
  command.add_option("--catalog", catalog, "Catalog (YAML)");
  command
      .add_option("--sim-setting", sim_setting,
                  "sim: easy, paper or adversarial")
      ->capture_default_str();
  command
      .add_option("--sim-rate", sim_rate,
                  "sim: rankings a second that the LLM takes; 0 is no time")
      ->capture_default_str();
  command
      .add_option("--recency-decay", recency_decay,
                  "Weight of a history item over the next newer one; (0, 1]")
      ->capture_default_str();
}

void TrainSetupFlags::AddTo(CLI::App& command) {
  data.AddTo(command);
  backend.AddTo(command);
  AddSimTo(command);
  command.add_option("--learner", learner, "ppo, bandit, a2c or rpp_published")
      ->capture_default_str();
  command.add_option("--heads", heads, "autoregressive or independent")
      ->capture_default_str();
  command.add_option("--readout", readout, "generate, labels or likelihood")
      ->capture_default_str();
  command.add_option("--policy", policy_name, "Name of the policy")
      ->capture_default_str();
  command
      .add_option("--exploration-floor", exploration_floor,
                  "Share of the decisions that explore uniformly; [0, 1]")
      ->capture_default_str();
  command
      .add_option("--lightgcn-epochs", lightgcn.epochs, "Epochs of LightGCN")
      ->capture_default_str();
}

absl::StatusOr<std::unique_ptr<TrainSetup>> MakeTrainSetup(
    const TrainSetupFlags& flags, int64_t created_seconds) {
  return flags.backend.backend == "sim" ? MakeSim(flags, created_seconds)
                                        : MakeReal(flags, created_seconds);
}

}  // namespace attune::trainer
