// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/logged_samples.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "policy/item_proto.h"
#include "policy/logged_decisions.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

// Probabilities are floats of a softmax.
constexpr float kProbabilityTolerance = 1e-4F;
// Entries of a state that differ by more are different.
constexpr float kStateTolerance = 1e-3F;

absl::Status Refused(const v1::LoggedDecision& decision,
                     const std::string& what) {
  return absl::FailedPreconditionError(
      absl::StrCat("decision ", decision.decision_id(), ": ", what));
}

bool IsApprentice(const v1::LoggedDecision& decision) {
  return decision.mode() == v1::DECISION_MODE_APPRENTICE;
}

// Whether the propensity is the one that the decision's mode says: the agent's
// probability, or 1 where the caller chose.
bool FitsMode(const v1::LoggedDecision& decision,
              const v1::LoggedPattern& pattern) {
  const float expected =
      IsApprentice(decision) ? 1.0F : pattern.probabilities(pattern.option());
  return std::abs(pattern.propensity() - expected) <= kProbabilityTolerance;
}

absl::Status CheckPattern(const v1::LoggedDecision& decision, int k,
                          int options) {
  const v1::LoggedPattern& pattern = decision.patterns(k);
  const auto refused = [&](const std::string& what) {
    return Refused(decision, absl::StrCat("patterns[", k, "]: ", what));
  };
  if (pattern.probabilities_size() != options) {
    return refused(absl::StrCat("probabilities of ",
                                pattern.probabilities_size(),
                                " options, the catalog has ", options));
  }
  if (pattern.option() < 0 || pattern.option() >= options) {
    return refused("the option does not exist");
  }
  if (!(pattern.propensity() > 0.0F && pattern.propensity() <= 1.0F)) {
    return refused(
        "the propensity is missing or not in (0, 1], so the log does not say "
        "how the option was taken");
  }
  float sum = 0.0F;
  for (const float p : pattern.probabilities()) {
    if (!(p >= 0.0F && p <= 1.0F)) return refused("a probability is not one");
    sum += p;
  }
  if (std::abs(sum - 1.0F) > kProbabilityTolerance ||
      !FitsMode(decision, pattern)) {
    return refused("the probabilities do not fit the propensity");
  }
  return absl::OkStatus();
}

absl::Status CheckDecision(const v1::LoggedDecision& decision,
                           const policy::Policy& policy) {
  const auto& patterns = policy.catalog().patterns;
  if (decision.patterns_size() != static_cast<int>(patterns.size())) {
    return Refused(
        decision, absl::StrCat(decision.patterns_size(),
                               " patterns, the catalog has ", patterns.size()));
  }
  for (int k = 0; k < decision.patterns_size(); ++k) {
    ATTUNE_RETURN_IF_ERROR(CheckPattern(
        decision, k, static_cast<int>(patterns[k].options.size())));
  }
  for (const float value : decision.state()) {
    if (!std::isfinite(value)) return Refused(decision, "state: not finite");
  }
  const float reward = decision.feedback().reward();
  if (reward >= 0.0F && reward <= 1.0F) return absl::OkStatus();
  return Refused(decision, "the reward is not in [0, 1]");
}

// The logged state with the zeros at its end.
Eigen::VectorXf LoggedState(const v1::LoggedDecision& decision, int dim) {
  Eigen::VectorXf state = Eigen::VectorXf::Zero(dim);
  for (int i = 0; i < std::min(dim, decision.state_size()); ++i) {
    state[i] = decision.state(i);
  }
  return state;
}

// The last number of a state says whether there was a previous iteration; zeros
// at the end are left out.
bool HasPrevious(const v1::LoggedDecision& decision) {
  return decision.state_dim() > 0 &&
         decision.state_size() == decision.state_dim() &&
         decision.state(decision.state_dim() - 1) != 0.0F;
}

// policy::Revision::Uniform has no item table; no other id is like its.
bool KnewNoItems(const v1::LoggedDecision& decision) {
  return absl::StartsWith(decision.revision(), "uniform-");
}

// Numbers pseudonyms as they come; who has none gets a number of his own.
class UserNumbers {
 public:
  int Of(const v1::LoggedDecision& decision) {
    if (decision.user().empty()) return count_++;
    const auto [at, fresh] = numbers_.try_emplace(decision.user(), count_);
    count_ += fresh ? 1 : 0;
    return at->second;
  }
  int count() const { return count_; }

 private:
  int count_ = 0;
  absl::flat_hash_map<std::string, int> numbers_;
};

class SampleMaker {
 public:
  SampleMaker(const policy::Policy& policy, LogPart part)
      : policy_(policy), part_(part), dim_(policy.encoder().StateDim()) {}

  absl::Status Add(const v1::LoggedDecision& decision) {
    ++result_.decisions;
    if (LeftOut(decision)) return absl::OkStatus();
    ATTUNE_RETURN_IF_ERROR(CheckDecision(decision, policy_));
    LoggedSample sample{.reward = decision.feedback().reward(),
                        .user = users_.Of(decision)};
    ATTUNE_ASSIGN_OR_RETURN(sample.state, StateOf(decision));
    for (const v1::LoggedPattern& pattern : decision.patterns()) {
      sample.options.push_back(pattern.option());
      sample.propensities.push_back(pattern.propensity());
      sample.probabilities.push_back(Eigen::VectorXf::Map(
          pattern.probabilities().data(), pattern.probabilities_size()));
    }
    ++result_.revisions[decision.revision()];
    result_.samples.push_back(std::move(sample));
    return absl::OkStatus();
  }

  absl::StatusOr<LoggedSamples> Finish() && {
    if (result_.decisions > 0 && result_.other_catalog == result_.decisions) {
      return absl::FailedPreconditionError(absl::StrCat(
          "none of ", result_.decisions,
          " decisions has the revision's "
          "catalog, digest ",
          policy_.catalog().digest, "; the first one's is ", first_catalog_));
    }
    result_.users = users_.count();
    return std::move(result_);
  }

 private:
  bool LeftOut(const v1::LoggedDecision& decision) {
    if (decision.catalog_digest() != policy_.catalog().digest) {
      if (first_catalog_.empty()) first_catalog_ = decision.catalog_digest();
      ++result_.other_catalog;
    } else if (static_cast<int>(decision.readout()) !=
               static_cast<int>(policy_.readout())) {
      ++result_.other_readout;
    } else if (IsApprentice(decision)) {
      ++result_.apprentice;
      NoteOwnReward(decision);
      return part_ != LogPart::kApprentice;
    } else if (part_ == LogPart::kApprentice) {
      ++result_.sampled;
    } else if (!decision.has_feedback()) {
      ++result_.without_reward;
    } else if (decision.mode() == v1::DECISION_MODE_GREEDY) {
      ++result_.greedy;
    } else {
      return false;
    }
    return true;
  }

  void NoteOwnReward(const v1::LoggedDecision& decision) {
    if (!decision.has_feedback()) return;
    result_.own.rewards.push_back(decision.feedback().reward());
    result_.own.users.push_back(own_users_.Of(decision));
  }

  absl::StatusOr<Eigen::VectorXf> StateOf(const v1::LoggedDecision& decision) {
    const bool same_size = decision.state_dim() == dim_;
    if (decision.history_size() == 0 || HasPrevious(decision)) {
      if (KnewNoItems(decision) && policy_.encoder().items().size() > 0) {
        return Refused(decision,
                       "it was taken before any revision was pushed, its state "
                       "knows no items, and the request was not logged "
                       "(--log_requests)");
      }
      if (same_size) return LoggedState(decision, dim_);
      return Refused(
          decision,
          absl::StrCat("its state has ", decision.state_dim(),
                       " numbers, the revision's ", dim_,
                       ", and the request was not logged (--log_requests)"));
    }
    const std::vector<policy::Item> history =
        policy::ItemsFromProto(decision.history());
    const std::vector<policy::Item> candidates =
        policy::ItemsFromProto(decision.candidates());
    const auto state =
        policy_.Encode({.history = history, .candidates = candidates});
    if (!state.ok()) {
      return Refused(decision, std::string(state.status().message()));
    }
    const bool same =
        same_size && (state->features - LoggedState(decision, dim_))
                             .lpNorm<Eigen::Infinity>() <= kStateTolerance;
    result_.other_state += same ? 0 : 1;
    return state->features;
  }

  const policy::Policy& policy_;
  const LogPart part_;
  const int dim_;
  LoggedSamples result_;
  std::string first_catalog_;
  UserNumbers users_;
  UserNumbers own_users_;
};

// Different decisions in the order of their first appearance. What a shadow would
// have decided was served to nobody, so nothing came of it.
class DecisionSet {
 public:
  void Add(v1::LoggedDecision decision) {
    if (decision.role() == v1::DECISION_ROLE_SHADOW) return;
    const auto [at, fresh] =
        places_.try_emplace(decision.decision_id(), decisions_.size());
    if (fresh || decision.decision_id().empty()) {
      decisions_.push_back(std::move(decision));
    } else if (decision.has_feedback()) {
      decisions_[at->second] = std::move(decision);
    }
  }
  const std::vector<v1::LoggedDecision>& decisions() const {
    return decisions_;
  }

 private:
  std::vector<v1::LoggedDecision> decisions_;
  absl::flat_hash_map<std::string, size_t> places_;
};

absl::Status ReadInto(const std::string& file, DecisionSet& set) {
  ATTUNE_ASSIGN_OR_RETURN(auto reader,
                          policy::LoggedDecisionReader::Open(file));
  while (true) {
    v1::LoggedDecision decision;
    const absl::StatusOr<bool> more = reader.Next(&decision);
    if (!more.ok()) {
      return absl::Status(
          more.status().code(),
          absl::StrCat(file, ": ", absl::string_view(more.status().message())));
    }
    if (!*more) return absl::OkStatus();
    set.Add(std::move(decision));
  }
}

absl::StatusOr<LoggedSamples> MakeSamples(
    absl::Span<const v1::LoggedDecision> decisions,
    const policy::Policy& policy, LogPart part) {
  SampleMaker maker(policy, part);
  for (const v1::LoggedDecision& decision : decisions) {
    ATTUNE_RETURN_IF_ERROR(maker.Add(decision));
  }
  return std::move(maker).Finish();
}

}  // namespace

absl::StatusOr<LoggedSamples> ReadLoggedSamples(
    absl::Span<const std::string> files, const policy::Policy& policy,
    LogPart part) {
  DecisionSet set;
  for (const std::string& file : files) {
    ATTUNE_RETURN_IF_ERROR(ReadInto(file, set));
  }
  return MakeSamples(set.decisions(), policy, part);
}

absl::StatusOr<LoggedSamples> ToLoggedSamples(
    absl::Span<const v1::LoggedDecision> decisions,
    const policy::Policy& policy, LogPart part) {
  DecisionSet set;
  for (const v1::LoggedDecision& decision : decisions) set.Add(decision);
  return MakeSamples(set.decisions(), policy, part);
}

absl::Status CheckSameStates(const policy::Policy& policy,
                             const v1::RevisionManifest& other) {
  for (const v1::GoldenVector& golden : other.golden_vectors()) {
    const std::vector<policy::Item> history =
        policy::ItemsFromProto(golden.history());
    const std::vector<policy::Item> candidates =
        policy::ItemsFromProto(golden.candidates());
    ATTUNE_ASSIGN_OR_RETURN(
        const policy::UserState state,
        policy.Encode({.history = history, .candidates = candidates}));
    const auto logged =
        Eigen::VectorXf::Map(golden.state().data(), golden.state_size());
    if (state.features.size() == logged.size() &&
        (state.features - logged).lpNorm<Eigen::Infinity>() <=
            kStateTolerance) {
      continue;
    }
    return absl::FailedPreconditionError(
        "the two revisions encode one request to different states: they have "
        "different encoders or item tables");
  }
  return absl::OkStatus();
}

}  // namespace attune::trainer
