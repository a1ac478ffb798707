// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/oracle_table.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

// `base` with each option of the pattern in turn, the default first.
std::vector<FixedOptions> Changes(const policy::Pattern& pattern, size_t k,
                                  const FixedOptions& base) {
  std::vector<FixedOptions> changes(1, base);
  changes[0][k] = pattern.default_option;
  for (size_t option = 0; option < pattern.options.size(); ++option) {
    changes.push_back(base);
    changes.back()[k] = static_cast<int>(option);
  }
  return changes;
}

// Most frequent first; ties in the order of the options.
std::vector<FixedOptions> MostFrequent(absl::Span<const MethodRun> runs) {
  std::map<FixedOptions, int> counts;
  for (const MethodRun& run : runs) {
    for (const std::vector<Outcome>& seed : run.outcomes) {
      for (const Outcome& outcome : seed) {
        if (!outcome.options.empty()) ++counts[outcome.options];
      }
    }
  }
  std::vector<std::pair<FixedOptions, int>> order(counts.begin(), counts.end());
  std::stable_sort(
      order.begin(), order.end(),
      [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<FixedOptions> choices;
  for (auto& [options, count] : order) choices.push_back(std::move(options));
  return choices;
}

// User -> indices of the user's tasks that were asked.
std::map<int, std::vector<size_t>> AskedTasks(absl::Span<const Task> tasks,
                                              const OracleTable& table) {
  std::map<int, std::vector<size_t>> by_user;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const Outcome& outcome = table.outcomes[0][i];
    const bool left_out = outcome.rank == 0 && outcome.status.ok();
    if (!left_out) by_user[tasks[i].user].push_back(i);
  }
  return by_user;
}

int Find(const OracleTable& table, const FixedOptions& choice) {
  const auto at = std::find(table.choices.begin(), table.choices.end(), choice);
  return at == table.choices.end()
             ? -1
             : static_cast<int>(at - table.choices.begin());
}

UserRewards RewardsOf(absl::Span<const std::vector<Outcome>> columns,
                      const std::vector<size_t>& tasks) {
  UserRewards rewards(tasks.size(), columns.size());
  for (size_t t = 0; t < tasks.size(); ++t) {
    for (size_t c = 0; c < columns.size(); ++c) {
      rewards(static_cast<Eigen::Index>(t), static_cast<Eigen::Index>(c)) =
          NdcgOf(columns[c][tasks[t]]);
    }
  }
  return rewards;
}

}  // namespace

std::vector<FixedOptions> OracleChoices(const policy::Catalog& catalog,
                                        absl::Span<const FixedOptions> fixed,
                                        absl::Span<const MethodRun> runs,
                                        int limit) {
  std::vector<FixedOptions> choices;
  std::set<FixedOptions> seen;
  const auto add = [&](absl::Span<const FixedOptions> more) {
    for (const FixedOptions& one : more) {
      if (static_cast<int>(choices.size()) >= limit) return;
      if (seen.insert(one).second) choices.push_back(one);
    }
  };
  const auto add_changes = [&](bool hints) {
    for (size_t k = 0; k < catalog.patterns.size(); ++k) {
      const policy::Pattern& pattern = catalog.patterns[k];
      if ((pattern.kind == policy::PatternKind::kHint) != hints) continue;
      add(Changes(pattern, k, fixed[0]));
    }
  };
  add(fixed);
  add_changes(/*hints=*/true);
  add(MostFrequent(runs));
  add_changes(/*hints=*/false);
  return choices;
}

absl::StatusOr<OracleTable> FillOracleTable(const policy::Policy& policy,
                                            std::vector<FixedOptions> choices,
                                            absl::Span<const Task> tasks,
                                            int users, LlmBackend& backend,
                                            const EvaluateOptions& options) {
  std::set<int> asked;
  for (const Task& task : tasks) {
    if (static_cast<int>(asked.size()) < users) asked.insert(task.user);
  }
  OracleTable table{.choices = std::move(choices)};
  for (size_t c = 0; c < table.choices.size(); ++c) {
    std::vector<FixedOptions> chosen(tasks.size());
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (asked.contains(tasks[i].user)) chosen[i] = table.choices[c];
    }
    ATTUNE_ASSIGN_OR_RETURN(
        PromptRun run, RunChoices(backend, policy, chosen, tasks, options.run));
    table.cost.prompt_tokens += run.usage.prompt_tokens;
    table.cost.answer_tokens += run.usage.answer_tokens;
    CountOutcomes(run.outcomes, table.cost);
    table.outcomes.push_back(std::move(run.outcomes));
    if (options.progress) {
      options.progress("oracle", static_cast<int>(c) + 1,
                       static_cast<int>(table.choices.size()));
    }
  }
  return table;
}

std::vector<UserRewards> UserTables(absl::Span<const Task> tasks,
                                    const OracleTable& table, Slice slice) {
  std::vector<UserRewards> users;
  for (const auto& [user, asked] : AskedTasks(tasks, table)) {
    std::vector<size_t> inside;
    for (const size_t i : asked) {
      if (InSlice(tasks[i], slice)) inside.push_back(i);
    }
    if (!inside.empty()) users.push_back(RewardsOf(table.outcomes, inside));
  }
  return users;
}

MethodRun OracleRun(absl::Span<const Task> tasks, const OracleTable& table,
                    absl::Span<const MethodRun> runs) {
  // The table's choices, then the prompts of every run and seed.
  std::vector<std::vector<Outcome>> columns = table.outcomes;
  for (const MethodRun& run : runs) {
    if (run.kind == MethodKind::kScorer) continue;
    columns.insert(columns.end(), run.outcomes.begin(), run.outcomes.end());
  }
  MethodRun oracle{.name = "oracle", .kind = MethodKind::kOracle};
  oracle.cost = table.cost;
  oracle.outcomes.emplace_back(tasks.size());
  for (const auto& [user, asked] : AskedTasks(tasks, table)) {
    const UserRewards complete = CompleteTargets(RewardsOf(columns, asked));
    if (complete.rows() == 0) continue;
    const int best = BestChoice(complete, /*fixed=*/0);
    for (const size_t i : asked) oracle.outcomes[0][i] = columns[best][i];
  }
  return oracle;
}

std::vector<NamedEffect> EffectsOf(const policy::Catalog& catalog,
                                   absl::Span<const Task> tasks,
                                   const OracleTable& table, uint64_t seed) {
  std::vector<NamedEffect> effects;
  const auto by_user = AskedTasks(tasks, table);
  for (size_t k = 0; k < catalog.patterns.size(); ++k) {
    const policy::Pattern& pattern = catalog.patterns[k];
    FixedOptions changed = table.choices[0];
    changed[k] = pattern.default_option;
    const int base = Find(table, changed);
    if (base < 0) continue;
    for (size_t option = 0; option < pattern.options.size(); ++option) {
      changed[k] = static_cast<int>(option);
      const int with = Find(table, changed);
      if (with < 0 || with == base) continue;
      std::vector<std::vector<double>> gains;
      for (const auto& [user, asked] : by_user) {
        std::vector<double>& own = gains.emplace_back();
        for (const size_t i : asked) {
          const double gain =
              NdcgOf(table.outcomes[with][i]) - NdcgOf(table.outcomes[base][i]);
          if (gain == gain) own.push_back(gain);
        }
      }
      effects.push_back({.pattern = pattern.name,
                         .option = pattern.options[option].id,
                         .effect = EstimateOptionEffect(gains, seed)});
    }
  }
  return effects;
}

}  // namespace attune::trainer
