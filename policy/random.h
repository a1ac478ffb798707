// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_RANDOM_H_
#define ATTUNE_POLICY_RANDOM_H_

// Randomness that is the same with every compiler and library version: a
// decision is a function of its seed, and golden vectors hold that function
// still. The distributions of <random> and Abseil promise no such thing.
//
// Source: xoshiro256++ (Blackman & Vigna 2021), its state filled by SplitMix64
// (Steele et al. 2014); bounded integers by Lemire 2019. Not for secrets.
//
// Thread-compatible: a generator belongs to one thread at a time.

#include <bit>
#include <cstdint>
#include <limits>

namespace attune::policy {

// A bijective mix of 64 bits: the output function of SplitMix64.
constexpr uint64_t Mix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

// A UniformRandomBitGenerator of 64 bits.
class Rng {
 public:
  using result_type = uint64_t;

  // Streams of one seed are independent of each other.
  explicit constexpr Rng(uint64_t seed, uint64_t stream = 0) {
    uint64_t x = Mix64(seed) ^ Mix64(~stream);
    for (uint64_t& word : state_) {
      word = Mix64(x);
      x += 0x9E3779B97F4A7C15ULL;
    }
  }

  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() {
    return std::numeric_limits<uint64_t>::max();
  }

  // 64 uniform bits.
  constexpr uint64_t operator()() {
    const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound), without bias. REQUIRES: bound >= 1.
  constexpr uint32_t Below(uint32_t bound) {
    uint64_t product = ((*this)() >> 32) * bound;
    const uint32_t threshold = (0U - bound) % bound;
    while (static_cast<uint32_t>(product) < threshold) {
      product = ((*this)() >> 32) * bound;
    }
    return static_cast<uint32_t>(product >> 32);
  }

  // Uniform in [0, 1): a multiple of 2^-24.
  constexpr float UnitFloat() {
    return static_cast<float>((*this)() >> 40) * 0x1p-24F;
  }

  // Uniform in [0, 1): a multiple of 2^-53.
  constexpr double UnitDouble() {
    return static_cast<double>((*this)() >> 11) * 0x1p-53;
  }

 private:
  uint64_t state_[4] = {};
};

// Streams of a decision's seed.
inline constexpr uint64_t kPermutationStream = 1;
inline constexpr uint64_t kSamplingStream = 2;

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_RANDOM_H_
