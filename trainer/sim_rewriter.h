// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIM_REWRITER_H_
#define ATTUNE_TRAINER_SIM_REWRITER_H_

// A simulated LLM that rewrites a catalog's sentence: it adds phrases of the
// simulated world's vocabulary (sim_phrases.h) or puts one in another's place. It
// knows no more than the vocabulary: which phrases help in which pattern,
// nothing tells it, and most do not.

#include <string>
#include <string_view>
#include <vector>

#include "policy/random.h"

namespace attune::trainer {

// `count` different rewrites of `sentence`, none equal to it: one line each,
// slots kept, at most two phrases longer. Fewer if there are no more. Pure given
// the generator.
std::vector<std::string> SimRewrites(std::string_view sentence, int count,
                                     policy::Rng& rng);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIM_REWRITER_H_
