// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SMOOTHED_REWARD_H_
#define ATTUNE_TRAINER_SMOOTHED_REWARD_H_

// NDCG@10 keeps of an LLM's answer only the rank of the true item, though the
// readouts by scores say by how much it won or lost. The smoothed reward is what
// NDCG@10 would be on average if every score got further Gaussian noise: in
// [0, 1], growing with the true item's score, and with more signal per noise.
// Differences between prompts are smaller than those of NDCG@10 itself.
//
// Source: Taylor et al. 2008, SoftRank (WSDM), sections 3.1 to 3.3: pairwise
// probabilities of being above, the rank's distribution from those.
//
// Where we differ from the paper:
// * It is a reward to learn from, not a loss to differentiate.
// * The noise's size is the answer's own: that of the other candidates' scores,
//   so that the scores' unit does not matter.
//
// Pure function; safe to call from any thread.

#include "absl/types/span.h"

namespace attune::trainer {

// `scores` by candidate; `target` is the true item's place. Candidate j is above
// it with probability Phi((s_j - s_target) / d), where d is the standard
// deviation of the other candidates' scores; if that is 0, by comparison, equal
// scores half each. NaN if a score is not finite. REQUIRES: 0 <= target <
// scores.size().
float SmoothedReward(absl::Span<const float> scores, int target);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SMOOTHED_REWARD_H_
