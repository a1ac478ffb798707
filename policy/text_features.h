// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_TEXT_FEATURES_H_
#define ATTUNE_POLICY_TEXT_FEATURES_H_

// Features of text that need no model: hashed n-grams. The hash is FNV-1a of 64
// bits followed by Mix64 (random.h), so that they are the same on every
// machine: weights are trained for buckets, and options for sentence
// embeddings.
//
// Pure functions; safe to call from any thread.

#include <Eigen/Core>
#include <string_view>
#include <vector>

namespace attune::policy {

// Buckets of the hashed character 3- to 5-grams of a title, with repetition: of
// its first 200 code points, ASCII letters in lower case, one space before and
// after. Never empty for valid UTF-8 that is not. Used by the encoder and by
// the ridge fit, where each n-gram counts 1 / sqrt(number of n-grams).
// REQUIRES: `buckets` is a power of two.
std::vector<int> TitleNgrams(std::string_view title, int buckets);

// Fixed random projection of the hashed words, word pairs and character 3- to
// 5-grams of a sentence to `dim` floats of unit length: an option's sentence
// embedding e(option). Zero for a sentence without a word. REQUIRES: dim >= 1.
Eigen::VectorXf SentenceEmbedding(std::string_view sentence, int dim);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_TEXT_FEATURES_H_
