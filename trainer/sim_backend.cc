// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_backend.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/ranking.h"

namespace attune::trainer {
namespace {

// Labels of the best `named` displayed positions, best first, one a line.
std::string Text(const std::vector<float>& scores, int named) {
  if (named == 0) return "I cannot say.";
  std::vector<int> positions(scores.size());
  std::iota(positions.begin(), positions.end(), 0);
  std::stable_sort(positions.begin(), positions.end(),
                   [&](int a, int b) { return scores[a] > scores[b]; });
  positions.resize(named);
  std::string text;
  for (const int position : positions) {
    absl::StrAppend(&text, policy::Label(position), "\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<LlmAnswer> SimBackend::AnswerOne(
    const LlmRequest& request) const {
  const auto place = world_.PlaceOf(request.sim_task);
  if (!place.has_value() || !world_.Fits(request.sim_options)) {
    return absl::InvalidArgumentError("not a task of the simulated world");
  }
  SimWorld::SimAnswer drawn =
      world_.Answer(*place, request.sim_options, request.seed);
  LlmAnswer answer;
  answer.usage.llm_calls = 1;
  if (request.prompt->readout == policy::Readout::kGenerate) {
    answer.text = Text(drawn.scores, drawn.named);
  } else {
    answer.displayed_scores = std::move(drawn.scores);
  }
  return answer;
}

std::vector<absl::StatusOr<LlmAnswer>> SimBackend::Answer(
    absl::Span<const LlmRequest> requests) {
  std::vector<absl::StatusOr<LlmAnswer>> answers;
  answers.reserve(requests.size());
  for (const LlmRequest& request : requests) {
    answers.push_back(AnswerOne(request));
  }
  if (pause_.rate > 0.0) {
    pause_.sleep(static_cast<double>(requests.size()) / pause_.rate);
  }
  return answers;
}

std::string SimBackend::Identity() const {
  return absl::StrCat("sim:", world_.options().seed, ":",
                      world_.options().users);
}

std::string SimBackend::SharedIdentity() const {
  return absl::StrCat(Identity(), " ", world_name_);
}

}  // namespace attune::trainer
