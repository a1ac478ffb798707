// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TRAINER_FAKE_LLM_H_
#define ATTUNE_TESTS_TRAINER_FAKE_LLM_H_

// An LLM in a few lines: a function scores the displayed titles, and the fake
// says so in the form that the prompt's readout asks for. Its faults are
// scripted.

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/catalog.h"
#include "policy/ranking.h"
#include "trainer/environment.h"
#include "trainer/llm_backend.h"

namespace attune::testing {

class FakeLlm : public trainer::LlmBackend {
 public:
  using Scores = std::function<std::vector<float>(const trainer::LlmRequest&)>;
  // Not OK: the request fails so.
  using Fault = std::function<absl::Status(int call)>;

  explicit FakeLlm(Scores scores, Fault fault = nullptr)
      : scores_(std::move(scores)), fault_(std::move(fault)) {}

  std::vector<absl::StatusOr<trainer::LlmAnswer>> Answer(
      absl::Span<const trainer::LlmRequest> requests) override {
    std::vector<absl::StatusOr<trainer::LlmAnswer>> answers;
    largest_batch_ =
        std::max(largest_batch_, static_cast<int>(requests.size()));
    for (const trainer::LlmRequest& request : requests) {
      const absl::Status status = fault_ ? fault_(calls_) : absl::OkStatus();
      ++calls_;
      prompts_.push_back(request.prompt->CanonicalBytes());
      if (status.ok()) {
        answers.emplace_back(Say(request, scores_(request)));
      } else {
        answers.emplace_back(status);
      }
    }
    return answers;
  }
  std::string Identity() const override { return "fake"; }

  int calls() const { return calls_; }
  int largest_batch() const { return largest_batch_; }
  const std::vector<std::string>& prompts() const { return prompts_; }

 private:
  static trainer::LlmAnswer Say(const trainer::LlmRequest& request,
                                std::vector<float> scores) {
    trainer::LlmAnswer answer;
    answer.usage = {.llm_calls = 1, .prompt_tokens = 100, .answer_tokens = 1};
    if (request.prompt->readout != policy::Readout::kGenerate) {
      answer.displayed_scores = std::move(scores);
      return answer;
    }
    std::vector<int> order(scores.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return scores[a] > scores[b]; });
    for (const int position : order) {
      answer.text += policy::Label(position) + "\n";
    }
    return answer;
  }

  Scores scores_;
  Fault fault_;
  int calls_ = 0;
  int largest_batch_ = 0;
  std::vector<std::string> prompts_;
};

// 1 for titles that begin with "Target", 0 for others.
inline std::vector<float> ScoreTargets(const trainer::LlmRequest& request) {
  std::vector<float> scores;
  for (const std::string& title : request.prompt->displayed_titles) {
    scores.push_back(title.starts_with("Target") ? 1.0F : 0.0F);
  }
  return scores;
}

// Task `index` with ten candidates, whose target alone is titled "Target ...".
inline trainer::Task TargetTask(int index) {
  trainer::Task task;
  task.user = index;
  const std::string suffix = absl::StrCat(" ", index);
  for (int i = 0; i < 3; ++i) {
    policy::Item item;
    item.id = item.title = absl::StrCat("Seen ", i) + suffix;
    task.history.push_back(item);
  }
  task.target = index % 10;
  for (int i = 0; i < 10; ++i) {
    policy::Item item;
    item.id = item.title =
        absl::StrCat(i == task.target ? "Target " : "Other ", i, suffix);
    task.candidates.push_back(item);
  }
  policy::Rng rng(static_cast<uint64_t>(index));
  task.permutation =
      policy::Permutation::WithFixed(10, task.target, (index / 10) % 10, rng);
  return task;
}

inline std::vector<trainer::Task> TargetTasks(int count) {
  std::vector<trainer::Task> tasks;
  for (int i = 0; i < count; ++i) tasks.push_back(TargetTask(i));
  return tasks;
}

inline policy::Option TextOption(const std::string& id,
                                 const std::string& text) {
  policy::Option option;
  option.id = id;
  option.text = text;
  option.generate_contract = "Answer with letters.";
  option.labels_contract = "Answer with one letter.";
  option.likelihood_primer = "They would like";
  return option;
}

// Five patterns with three options each; defaults are the options 0.
inline std::shared_ptr<const policy::Catalog> FivePatterns() {
  auto catalog = std::make_shared<policy::Catalog>();
  catalog->name = "five";
  catalog->domain = "movies";
  catalog->history_intro = "Seen:";
  catalog->candidates_intro = "Candidates:";
  catalog->prior_prefix = "A film:";
  const std::vector<std::pair<std::string, policy::PatternKind>> patterns = {
      {"history", policy::PatternKind::kHistory},
      {"hint", policy::PatternKind::kHint},
      {"reasoning", policy::PatternKind::kSentence},
      {"role", policy::PatternKind::kSentence},
      {"format", policy::PatternKind::kFormat}};
  for (const auto& [name, kind] : patterns) {
    policy::Pattern& pattern = catalog->patterns.emplace_back();
    pattern.name = name;
    pattern.kind = kind;
    for (int i = 0; i < 3; ++i) {
      policy::Option option =
          TextOption(absl::StrCat("o", i), absl::StrCat("Say ", i, "."));
      option.history_length = i + 1;
      if (kind == policy::PatternKind::kHint && i > 0) {
        option.hint = policy::HintSource::kCandidates;
        option.hint_count = i;
        option.text = "Others enjoy {items}.";
      }
      if (kind == policy::PatternKind::kHint && i == 0) option.text.clear();
      pattern.options.push_back(option);
    }
  }
  return catalog;
}

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TRAINER_FAKE_LLM_H_
