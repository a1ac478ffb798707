// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/from_log.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "trainer/choice_distribution.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kDrawStream = 0x6c6f67;

using SamplePointers = std::vector<const LoggedSample*>;

// Weighted mean residual of one option, and the square of its standard error.
struct Effect {
  double mean = 0.0;
  double variance = 0.0;
};

Effect EffectOf(absl::Span<const LoggedSample* const> samples,
                absl::Span<const double> residuals, size_t pattern, int option,
                double clip) {
  double weights = 0.0, sum = 0.0, squares = 0.0;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (samples[i]->options[pattern] != option) continue;
    const double weight =
        std::min(clip, 1.0 / samples[i]->propensities[pattern]);
    weights += weight;
    sum += weight * residuals[i];
    squares += std::pow(weight * residuals[i], 2);
  }
  if (weights == 0.0) return {};
  return {.mean = sum / weights, .variance = squares / (weights * weights)};
}

// Means times the share of their spread that is not error: the empirical Bayes
// estimate of effects around 0.
void Shrink(absl::Span<const Effect> effects, float* out) {
  double excess = 0.0;
  for (const Effect& effect : effects) {
    excess += effect.mean * effect.mean - effect.variance;
  }
  const double spread =
      std::max(0.0, excess / static_cast<double>(effects.size()));
  for (size_t a = 0; a < effects.size(); ++a) {
    const double total = spread + effects[a].variance;
    out[a] = total > 0.0 ? static_cast<float>(effects[a].mean * spread / total)
                         : 0.0F;
  }
}

// A in units of the reward.
LinearScores Advantage(const Belief& belief, const BeliefShape& shape,
                       absl::Span<const LoggedSample* const> samples,
                       double clip) {
  LinearScores scores = belief.Scores(1.0F);
  scores.bias += ResidualEffects(belief, shape, samples, clip);
  return scores;
}

LinearScores Scaled(LinearScores scores, double factor) {
  const auto f = static_cast<float>(factor);
  scores.state *= f;
  scores.earlier *= f;
  scores.bias *= f;
  return scores;
}

// What one fold's users are valued with. The judge has seen other users than
// the advantage: a model that also chose the policy would confirm its own luck
// wherever weights are clipped.
struct Trial {
  LinearScores advantage;
  std::unique_ptr<Belief> judge;
};

// Folds after `fold`, in turn: the first half of the others learns, the rest
// judges.
Trial MakeTrial(const BeliefShape& shape, const LoggedSamples& log, int fold,
                const FromLogOptions& options) {
  SamplePointers learned, judged;
  for (const LoggedSample& sample : log.samples) {
    const int after =
        (sample.user % options.folds - fold + options.folds) % options.folds;
    if (after == 0) continue;
    (2 * after < options.folds ? learned : judged).push_back(&sample);
  }
  const std::unique_ptr<Belief> belief = FitBelief(shape, learned);
  return {.advantage = Advantage(*belief, shape, learned, options.clip),
          .judge = FitBelief(shape, judged)};
}

// Of each decision's reward, by the judge of its fold.
std::vector<double> Predictions(const LoggedSamples& log,
                                absl::Span<const Trial> trials) {
  std::vector<double> predictions;
  predictions.reserve(log.samples.size());
  for (const LoggedSample& sample : log.samples) {
    const Trial& trial = trials[sample.user % static_cast<int>(trials.size())];
    predictions.push_back(
        PredictReward(*trial.judge, sample.state, sample.options));
  }
  return predictions;
}

// Step 3 for one temperature: gains of each decision, users unseen.
// `predictions` are Predictions().
std::vector<double> Gains(const policy::Policy& parent,
                          const LoggedSamples& log,
                          absl::Span<const Trial> trials,
                          absl::Span<const double> predictions,
                          double temperature, double floor,
                          const FromLogOptions& options) {
  std::vector<LinearScores> scores;
  std::vector<ChoiceDistribution> targets;
  scores.reserve(trials.size());
  for (const Trial& trial : trials) {
    scores.push_back(Scaled(trial.advantage, 1.0 / temperature));
    targets.push_back(ContinuedDistribution(parent, scores.back(), floor));
  }
  policy::Rng rng(options.seed, kDrawStream);
  std::vector<double> gains;
  for (size_t i = 0; i < log.samples.size(); ++i) {
    const LoggedSample& sample = log.samples[i];
    const int fold = sample.user % options.folds;
    const std::vector<DrawnChoice> drawn = DrawChoices(
        targets[fold], sample.state, static_cast<int>(sample.options.size()),
        options.draws, rng);
    const double weight =
        std::min(options.clip, WeighChoice(targets[fold], sample, drawn).joint);
    gains.push_back(weight * (sample.reward - predictions[i]) +
                    ExpectReward(*trials[fold].judge, sample.state, drawn) -
                    sample.reward);
  }
  return gains;
}

absl::Status NothingLearned(const LearnedFromLog& learned,
                            const FromLogOptions& options) {
  return absl::FailedPreconditionError(absl::StrFormat(
      "the log shows no gain over the decisions in it: at temperature %.2f it "
      "is %.4f [%.4f, %.4f]; nothing was written (%d temperatures tried)",
      learned.temperature, learned.gain.value, learned.gain.low,
      learned.gain.high, options.temperatures.size()));
}

}  // namespace

Eigen::VectorXf ResidualEffects(const Belief& belief, const BeliefShape& shape,
                                absl::Span<const LoggedSample* const> samples,
                                double clip) {
  std::vector<double> residuals;
  double mean = 0.0;
  for (const LoggedSample* sample : samples) {
    residuals.push_back(sample->reward -
                        PredictReward(belief, sample->state, sample->options));
    mean += residuals.back() / static_cast<double>(samples.size());
  }
  for (double& residual : residuals) residual -= mean;
  int total = 0;
  for (const int n : shape.options_per_pattern) total += n;
  Eigen::VectorXf result = Eigen::VectorXf::Zero(total);
  int offset = 0;
  for (size_t k = 0; k < shape.options_per_pattern.size(); ++k) {
    std::vector<Effect> effects;
    for (int a = 0; a < shape.options_per_pattern[k]; ++a) {
      effects.push_back(EffectOf(samples, residuals, k, a, clip));
    }
    Shrink(effects, result.data() + offset);
    offset += shape.options_per_pattern[k];
  }
  return result;
}

ChoiceDistribution ContinuedDistribution(const policy::Policy& parent,
                                         const LinearScores& scores,
                                         double exploration_floor) {
  const policy::Actor& actor = parent.actor();
  const bool sees_earlier =
      actor.settings().kind != policy::HeadsKind::kIndependent;
  return [&actor, &scores, sees_earlier, exploration_floor](
             int pattern, const Eigen::VectorXf& state,
             absl::Span<const int> earlier) {
    const absl::Span<const int> offsets = actor.option_offsets();
    Eigen::VectorXf p = actor.Logits(pattern, state, earlier);
    const Eigen::Index n = p.size();
    const int at = offsets[pattern];
    p += scores.state.middleRows(at, n) * state + scores.bias.segment(at, n);
    for (size_t j = 0; sees_earlier && j < earlier.size(); ++j) {
      p += scores.earlier.col(offsets[j] + earlier[j]).segment(at, n);
    }
    p = (p.array() - p.maxCoeff()).exp();
    p /= p.sum();
    const auto floor = static_cast<float>(exploration_floor);
    p = (1.0F - floor) * p.array() + floor / static_cast<float>(n);
    return p;
  };
}

absl::StatusOr<LearnedFromLog> LearnFromLog(const policy::Policy& parent,
                                            const LoggedSamples& log,
                                            const FromLogOptions& options) {
  const int least_users = std::max(options.least_users, options.folds);
  if (static_cast<int64_t>(log.samples.size()) < options.least_rewards ||
      log.users < least_users) {
    return absl::FailedPreconditionError(absl::StrCat(
        log.samples.size(), " of ", log.decisions,
        " decisions can be learned from, of ", log.users, " users; at least ",
        options.least_rewards, " of ", least_users, " users are needed",
        log.apprentice == 0
            ? ""
            : absl::StrCat("; ", log.apprentice,
                           " are the caller's own (apprentice mode), which "
                           "--imitate learns from")));
  }
  const BeliefShape shape = ShapeOf(parent);
  std::vector<Trial> trials;
  for (int fold = 0; fold < options.folds; ++fold) {
    trials.push_back(MakeTrial(shape, log, fold, options));
  }
  const double floor = options.exploration_floor >= 0.0
                           ? options.exploration_floor
                           : parent.actor().settings().exploration_floor;
  std::vector<int> users;
  SamplePointers all;
  for (const LoggedSample& sample : log.samples) {
    users.push_back(sample.user);
    all.push_back(&sample);
  }
  const std::vector<double> predictions = Predictions(log, trials);
  LearnedFromLog learned;
  const double tail =
      kIntervalTail / static_cast<double>(options.temperatures.size());
  for (const double temperature : options.temperatures) {
    const Estimate gain = ClusteredMean(
        Gains(parent, log, trials, predictions, temperature, floor, options),
        users, tail);
    if (learned.temperatures == 0 || gain.low > learned.gain.low) {
      learned.gain = gain;
      learned.temperature = temperature;
    }
    ++learned.temperatures;
  }
  if (!(learned.gain.low > 0.0)) return NothingLearned(learned, options);
  const std::unique_ptr<Belief> belief = FitBelief(shape, all);
  learned.scores = Scaled(Advantage(*belief, shape, all, options.clip),
                          1.0 / learned.temperature);
  return learned;
}

}  // namespace attune::trainer
