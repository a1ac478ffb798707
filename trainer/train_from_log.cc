// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/train_from_log.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/catalog.h"
#include "policy/revision.h"
#include "policy/status_macros.h"
#include "trainer/files.h"
#include "trainer/summed_heads.h"

namespace attune::trainer {
namespace {

// Of a child of a revision that only explored.
constexpr double kFirstFloor = 0.05;
// Of one that imitates: what it explores is all that the next one learns from.
constexpr double kImitatorFloor = 0.1;

struct Parent {
  std::shared_ptr<const policy::Revision> revision;
  policy::RevisionParts parts;
};

absl::StatusOr<Parent> LoadParent(const TrainFromLogRun& run) {
  if (!run.parent.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(run.parent));
    Parent parent;
    ATTUNE_ASSIGN_OR_RETURN(parent.revision, policy::Revision::Load(bytes));
    ATTUNE_ASSIGN_OR_RETURN(parent.parts, policy::DecodeRevision(bytes));
    return parent;
  }
  if (run.catalog.empty()) {
    return absl::InvalidArgumentError(
        "--from-log needs --parent, the revision that decided; or --catalog if "
        "none had been pushed");
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(run.catalog));
  ATTUNE_ASSIGN_OR_RETURN(auto catalog, policy::Catalog::Parse(yaml));
  Parent parent{.revision =
                    policy::Revision::Uniform(std::move(catalog), run.readout)};
  parent.parts = {.manifest = parent.revision->manifest()};
  return parent;
}

absl::Status CheckTookPart(const LoggedSamples& log, const std::string& id) {
  if (log.samples.empty() || log.revisions.contains(id)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "revision ", id, " took none of the decisions; revision ",
      log.revisions.begin()->first, " took ", log.revisions.begin()->second));
}

// The artifact of the child whose logits are the parent's plus these scores.
absl::StatusOr<std::string> MakeChild(const TrainFromLogRun& run, Parent parent,
                                      const LinearScores& scores, double floor,
                                      const std::string& learner,
                                      const std::string& dataset) {
  ChildFacts facts{.parent_revision = parent.revision->id(),
                   .created_seconds = run.created_seconds,
                   .exploration_floor = floor};
  facts.training.set_learner(learner);
  facts.training.set_dataset(dataset);
  facts.training.set_seed(run.seed);
  facts.training.set_trainer_version(ATTUNE_VERSION);
  ATTUNE_ASSIGN_OR_RETURN(policy::RevisionParts parts,
                          AddScores(std::move(parent.parts), scores, facts));
  return policy::EncodeRevision(std::move(parts));
}

}  // namespace

absl::StatusOr<TrainedFromLog> TrainFromLog(const TrainFromLogRun& run) {
  ATTUNE_ASSIGN_OR_RETURN(Parent parent, LoadParent(run));
  const policy::Policy& policy = parent.revision->policy();
  TrainedFromLog result{.parent = parent.revision->id()};
  ATTUNE_ASSIGN_OR_RETURN(result.log, ReadLoggedSamples(run.logs, policy));
  ATTUNE_RETURN_IF_ERROR(CheckTookPart(result.log, result.parent));
  const policy::HeadsSettings& heads = policy.actor().settings();
  double floor = run.exploration_floor;
  if (floor < 0.0) {
    floor = heads.kind == policy::HeadsKind::kUniform ? kFirstFloor
                                                      : heads.exploration_floor;
  }
  ATTUNE_ASSIGN_OR_RETURN(
      result.learned,
      LearnFromLog(policy, result.log,
                   {.exploration_floor = floor, .seed = run.seed}));
  ATTUNE_ASSIGN_OR_RETURN(
      result.revision,
      MakeChild(run, std::move(parent), result.learned.scores, floor,
                "from_log",
                absl::StrCat("decision log, ", result.log.samples.size(),
                             " rewards")));
  return result;
}

absl::StatusOr<TrainedByImitation> TrainByImitation(
    const TrainFromLogRun& run) {
  ATTUNE_ASSIGN_OR_RETURN(Parent parent, LoadParent(run));
  const policy::Policy& policy = parent.revision->policy();
  TrainedByImitation result{.parent = parent.revision->id()};
  ATTUNE_ASSIGN_OR_RETURN(
      result.log, ReadLoggedSamples(run.logs, policy, LogPart::kApprentice));
  ATTUNE_RETURN_IF_ERROR(CheckTookPart(result.log, result.parent));
  ATTUNE_ASSIGN_OR_RETURN(result.learned, Imitate(policy, result.log, {}));
  const double floor =
      run.exploration_floor >= 0.0 ? run.exploration_floor : kImitatorFloor;
  ATTUNE_ASSIGN_OR_RETURN(
      result.revision,
      MakeChild(run, std::move(parent), result.learned.scores, floor,
                "imitation",
                absl::StrCat("decision log, ", result.log.samples.size(),
                             " apprentice decisions")));
  return result;
}

}  // namespace attune::trainer
