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

ChildFacts FactsOf(const TrainFromLogRun& run, const policy::Revision& parent,
                   const LoggedSamples& log, double floor) {
  ChildFacts facts{.parent_revision = parent.id(),
                   .created_seconds = run.created_seconds,
                   .exploration_floor = floor};
  facts.training.set_learner("from_log");
  facts.training.set_dataset(
      absl::StrCat("decision log, ", log.samples.size(), " rewards"));
  facts.training.set_seed(run.seed);
  facts.training.set_trainer_version(ATTUNE_VERSION);
  return facts;
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
      policy::RevisionParts parts,
      AddScores(std::move(parent.parts), result.learned.scores,
                FactsOf(run, *parent.revision, result.log, floor)));
  ATTUNE_ASSIGN_OR_RETURN(result.revision,
                          policy::EncodeRevision(std::move(parts)));
  return result;
}

}  // namespace attune::trainer
