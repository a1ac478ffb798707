// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_backend.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "policy/ranking.h"

namespace attune::trainer {
namespace {

// Labels of the displayed positions, best first, one a line.
std::string Text(const std::vector<float>& scores) {
  std::vector<int> positions(scores.size());
  std::iota(positions.begin(), positions.end(), 0);
  std::stable_sort(positions.begin(), positions.end(),
                   [&](int a, int b) { return scores[a] > scores[b]; });
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
  policy::Rng rng(request.seed, /*stream=*/0x73696d);
  const double quality = world_.Quality(place->user, request.sim_options);
  LlmAnswer answer;
  answer.displayed_scores = world_.Answer(quality, place->target_position, rng);
  answer.usage.llm_calls = 1;
  if (request.prompt->readout == policy::Readout::kGenerate) {
    answer.text = Text(std::exchange(answer.displayed_scores, {}));
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
  return answers;
}

std::string SimBackend::Identity() const {
  return absl::StrCat("sim:", world_.options().seed, ":",
                      world_.options().users);
}

}  // namespace attune::trainer
