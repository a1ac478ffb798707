// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_GROUP_BASELINE_H_
#define ATTUNE_TRAINER_GROUP_BASELINE_H_

// Leave-one-out baselines (Kool et al. 2019; RLOO): where one task was given
// several choices, each one's baseline is the mean of the others. It does not
// depend on the choice that it judges, so it adds no bias.
//
// Pure functions; safe to call from any thread.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "trainer/learner.h"

namespace attune::trainer {

// Sample::group of each.
inline std::vector<int64_t> GroupsOf(absl::Span<const Sample> samples) {
  std::vector<int64_t> groups;
  for (const Sample& sample : samples) groups.push_back(sample.group);
  return groups;
}

// values[i] - the mean of the others of its group; values[i] where it is alone.
// Members of a group follow each other. REQUIRES: equal sizes.
inline std::vector<float> LeaveOneOut(absl::Span<const float> values,
                                      absl::Span<const int64_t> groups) {
  std::vector<float> result;
  for (size_t begin = 0; begin < values.size();) {
    size_t end = begin;
    float sum = 0.0F;
    while (end < values.size() && groups[end] == groups[begin]) {
      sum += values[end++];
    }
    const auto others = static_cast<float>(end - begin - 1);
    for (size_t i = begin; i < end; ++i) {
      const float baseline = others > 0 ? (sum - values[i]) / others : 0.0F;
      result.push_back(values[i] - baseline);
    }
    begin = end;
  }
  return result;
}

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_GROUP_BASELINE_H_
