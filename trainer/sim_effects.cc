// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_effects.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

// Share of the variance of an option's traits that is its words'. Of hints it is
// the items that matter.
constexpr double kWordShare = 0.75;
constexpr double kHintWordShare = 0.25;
// Length that divides short from long histories, and the unit of the logarithm.
constexpr double kMiddleLength = 5.0;
constexpr double kLengthUnit = 0.5;
// main, personal, pair, failed, partial.
constexpr int kTraits = 1 + SimUsers::kLatents + 4 + 2;
using Traits = Eigen::Vector<double, kTraits>;

Traits Draw(uint64_t seed, std::string_view key) {
  policy::Rng rng(seed, HashText(key));
  Traits traits;
  for (double& x : traits) x = Normal(rng);
  return traits;
}

std::string SettingsOf(const policy::Option& option) {
  return absl::StrCat(option.history_length, " ",
                      static_cast<int>(option.selection), " ",
                      static_cast<int>(option.hint), " ", option.hint_count);
}

Traits TraitsOf(const policy::Pattern& pattern, const policy::Option& option,
                uint64_t seed) {
  const std::string prefix = absl::StrCat(pattern.name, "|");
  const std::vector<std::string> words = WordsOf(option.text);
  const Traits own = Draw(
      seed, absl::StrCat(prefix, SettingsOf(option), "|", option.text, "|",
                         option.generate_contract, "|", option.labels_contract,
                         "|", option.likelihood_primer));
  if (words.empty()) return own;
  Traits sum = Traits::Zero();
  for (const std::string& word : words) {
    sum += Draw(seed, absl::StrCat(prefix, word));
  }
  const double share =
      pattern.kind == policy::PatternKind::kHint ? kHintWordShare : kWordShare;
  return std::sqrt(share / static_cast<double>(words.size())) * sum +
         std::sqrt(1.0 - share) * own;
}

double Share(double mean, double trait) {
  return mean * std::erfc(-trait / M_SQRT2);
}

}  // namespace

OptionEffects EffectsOf(const policy::Catalog& catalog,
                        const policy::Pattern& pattern,
                        const policy::Option& option,
                        const SimWorldOptions& options,
                        const SimPhrases& phrases) {
  const Traits traits = TraitsOf(pattern, option, options.seed);
  const double scale =
      pattern.kind == policy::PatternKind::kHint ? options.hint_scale : 1.0;
  const double personal =
      scale * options.personal_effect / std::sqrt(SimUsers::kLatents);
  OptionEffects effects;
  effects.main =
      scale * options.main_effect * traits[0] +
      options.phrase_effect * phrases.Merit(pattern.name, option.text);
  effects.personal = personal * traits.segment<SimUsers::kLatents>(1);
  effects.pair = std::sqrt(options.pair_effect / 2.0) *
                 traits.segment<4>(1 + SimUsers::kLatents);
  if (pattern.kind == policy::PatternKind::kHistory) {
    const int shown =
        option.history_length +
        (catalog.cumulative_history ? catalog.initial_history_length : 0);
    const double length =
        std::log((1.0 + shown) / (1.0 + kMiddleLength)) / kLengthUnit;
    effects.main -= 0.2 * options.main_effect * length * length;
    effects.personal[0] = options.personal_effect * length;
  }
  if (pattern.kind == policy::PatternKind::kFormat) {
    effects.failed = Share(options.failed_answers, traits[kTraits - 2]);
    effects.partial = Share(options.partial_answers, traits[kTraits - 1]);
  }
  return effects;
}

}  // namespace attune::trainer
