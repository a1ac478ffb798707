// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/imitation.h"

#include <Eigen/Cholesky>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "trainer/choice_distribution.h"
#include "trainer/from_log.h"
#include "trainer/state_columns.h"

namespace attune::trainer {
namespace {

using Samples = std::vector<const LoggedSample*>;

// One pattern's regression. Rows are decisions.
struct PatternProblem {
  Eigen::MatrixXf features;  // [n, d] state, options before, 1
  Eigen::MatrixXf offsets;   // [n, options] parent's logits
  std::vector<int> chosen;   // [n]
};

// [n, options] Probabilities under weights [d, options]; adds up the chosen
// options' log-probabilities.
Eigen::MatrixXf Probabilities(const PatternProblem& problem,
                              const Eigen::MatrixXf& weights,
                              double* log_likelihood) {
  Eigen::MatrixXf p = problem.offsets + problem.features * weights;
  p.colwise() -= p.rowwise().maxCoeff().eval();
  p = p.array().exp();
  p.array().colwise() /= p.rowwise().sum().array().eval();
  *log_likelihood = 0.0;
  for (Eigen::Index i = 0; i < p.rows(); ++i) {
    *log_likelihood += std::log(p(i, problem.chosen[i]));
  }
  return p;
}

// Maximises the likelihood minus penalty / 2 |W|^2, the constant's row apart. The
// bound's curvature is that of equal probabilities: features' features / 2.
Eigen::MatrixXf Fit(const PatternProblem& problem,
                    const ImitationOptions& options) {
  const Eigen::Index d = problem.features.cols();
  const Eigen::Index n = problem.features.rows();
  Eigen::VectorXf penalty =
      Eigen::VectorXf::Constant(d, static_cast<float>(options.penalty));
  penalty[d - 1] = 0.0F;
  Eigen::MatrixXf curvature =
      problem.features.transpose() * problem.features / 2.0F;
  curvature.diagonal() += penalty;
  const Eigen::LLT<Eigen::MatrixXf> solver(curvature);
  Eigen::MatrixXf weights = Eigen::MatrixXf::Zero(d, problem.offsets.cols());
  double best = 0.0;
  for (int step = 0; step < options.steps; ++step) {
    double reached = 0.0;
    Eigen::MatrixXf error = -Probabilities(problem, weights, &reached);
    reached -=
        0.5 * (penalty.asDiagonal() * weights).cwiseProduct(weights).sum();
    if (step > 0 &&
        reached - best < options.least_progress * static_cast<double>(n)) {
      break;
    }
    best = reached;
    for (Eigen::Index i = 0; i < n; ++i) error(i, problem.chosen[i]) += 1.0F;
    weights += solver.solve(problem.features.transpose() * error -
                            penalty.asDiagonal() * weights);
  }
  return weights;
}

class Imitator {
 public:
  Imitator(const policy::Policy& parent, const ImitationOptions& options)
      : actor_(parent.actor()),
        options_per_pattern_(parent.catalog().OptionCounts()),
        state_dim_(parent.encoder().StateDim()),
        item_dim_(parent.encoder().settings().embedding_dim),
        options_(options) {}

  LinearScores Learn(const Samples& samples) const {
    const StateColumns columns = ColumnsOf(samples);
    const int total =
        actor_.option_offsets().back() + options_per_pattern_.back();
    LinearScores scores{
        .state = policy::RowMajorMatrix::Zero(total, state_dim_),
        .earlier = Eigen::MatrixXf::Zero(total, total),
        .bias = Eigen::VectorXf::Zero(total)};
    for (size_t k = 0; k < options_per_pattern_.size(); ++k) {
      const Eigen::MatrixXf weights =
          Fit(ProblemOf(static_cast<int>(k), samples, columns), options_);
      AddTo(static_cast<int>(k), weights, columns, &scores);
    }
    return scores;
  }

 private:
  StateColumns ColumnsOf(const Samples& samples) const {
    policy::RowMajorMatrix states(samples.size(), state_dim_);
    for (size_t i = 0; i < samples.size(); ++i) {
      states.row(static_cast<Eigen::Index>(i)) = samples[i]->state.transpose();
    }
    return StateColumns(states, item_dim_);
  }

  // Options of the patterns before that the parent's heads see.
  int Earlier(int pattern) const {
    return actor_.settings().kind == policy::HeadsKind::kIndependent
               ? 0
               : actor_.option_offsets()[pattern];
  }

  PatternProblem ProblemOf(int pattern, const Samples& samples,
                           const StateColumns& columns) const {
    const auto n = static_cast<Eigen::Index>(samples.size());
    const int earlier = Earlier(pattern);
    PatternProblem problem{
        .features = Eigen::MatrixXf::Zero(n, columns.size() + earlier + 1),
        .offsets = Eigen::MatrixXf(n, options_per_pattern_[pattern])};
    problem.features.rightCols(1).setOnes();
    for (Eigen::Index i = 0; i < n; ++i) {
      const LoggedSample& sample = *samples[i];
      const auto before =
          absl::MakeConstSpan(sample.options).subspan(0, pattern);
      problem.features.row(i).head(columns.size()) =
          columns.Standardised(sample.state).transpose();
      for (int j = 0; earlier > 0 && j < pattern; ++j) {
        problem.features(
            i, columns.size() + actor_.option_offsets()[j] + before[j]) = 1.0F;
      }
      problem.offsets.row(i) =
          actor_.Logits(pattern, sample.state, before).transpose();
      problem.chosen.push_back(sample.options[pattern]);
    }
    return problem;
  }

  // In units of the states as they are.
  void AddTo(int pattern, const Eigen::MatrixXf& weights,
             const StateColumns& columns, LinearScores* scores) const {
    const int at = actor_.option_offsets()[pattern];
    const Eigen::Index n = weights.cols();
    auto bias = scores->bias.segment(at, n);
    bias = weights.bottomRows(1).transpose();
    for (int j = 0; j < columns.size(); ++j) {
      const int column = columns.columns()[j];
      const Eigen::VectorXf slope =
          weights.row(j).transpose() / columns.deviation()[column];
      scores->state.col(column).segment(at, n) = slope;
      bias -= slope * columns.center()[column];
    }
    const int earlier = Earlier(pattern);
    scores->earlier.block(at, 0, n, earlier) =
        weights.middleRows(columns.size(), earlier).transpose();
  }

  const policy::Actor& actor_;
  const std::vector<int> options_per_pattern_;
  const int state_dim_;
  const int item_dim_;
  const ImitationOptions& options_;
};

// Counts agreement of a policy with the caller, decision by decision.
class AgreementCount {
 public:
  explicit AgreementCount(size_t patterns) : agreed_(patterns + 1) {}

  void Add(const ChoiceDistribution& distribution, const LoggedSample& sample) {
    ++decisions_;
    bool all = true;
    for (size_t k = 0; k < sample.options.size(); ++k) {
      const Eigen::VectorXf p =
          distribution(static_cast<int>(k), sample.state,
                       absl::MakeConstSpan(sample.options).subspan(0, k));
      // As attune_apprentice_options_total counts: alone the most probable.
      const float own = p[sample.options[k]];
      const bool agrees = (p.array() >= own).count() == 1;
      agreed_[k] += agrees;
      all &= agrees;
    }
    agreed_.back() += all;
  }

  Agreement Share() const {
    Agreement agreement;
    for (const double count : agreed_) {
      agreement.patterns.push_back(count / decisions_);
    }
    agreement.whole_choice = agreement.patterns.back();
    agreement.patterns.pop_back();
    return agreement;
  }

 private:
  double decisions_ = 0.0;
  std::vector<double> agreed_;  // by pattern, then by whole choice
};

}  // namespace

absl::StatusOr<Imitation> Imitate(const policy::Policy& parent,
                                  const LoggedSamples& log,
                                  const ImitationOptions& options) {
  if (static_cast<int>(log.samples.size()) < options.least_decisions ||
      log.users < options.folds) {
    return absl::FailedPreconditionError(absl::StrCat(
        log.samples.size(), " of ", log.decisions,
        " decisions are the caller's own (apprentice mode), of ", log.users,
        " users; at least ", options.least_decisions, " of ", options.folds,
        " users are needed (sampled or greedy: ", log.sampled,
        ", other catalog: ", log.other_catalog,
        ", other readout: ", log.other_readout, ")"));
  }
  const Imitator imitator(parent, options);
  const size_t patterns = parent.catalog().patterns.size();
  AgreementCount after(patterns);
  AgreementCount before(patterns);
  const ChoiceDistribution old =
      DistributionOf(parent.actor(), policy::DecisionMode::kSample);
  Samples all;
  for (const LoggedSample& sample : log.samples) all.push_back(&sample);
  for (int fold = 0; fold < options.folds; ++fold) {
    Samples learned;
    for (const LoggedSample* sample : all) {
      if (sample->user % options.folds != fold) learned.push_back(sample);
    }
    const LinearScores scores = imitator.Learn(learned);
    const ChoiceDistribution continued =
        ContinuedDistribution(parent, scores, 0.0);
    for (const LoggedSample* sample : all) {
      if (sample->user % options.folds != fold) continue;
      after.Add(continued, *sample);
      before.Add(old, *sample);
    }
  }
  return Imitation{.scores = imitator.Learn(all),
                   .agreement = after.Share(),
                   .before = before.Share()};
}

}  // namespace attune::trainer
