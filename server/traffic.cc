// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/traffic.h"

#include "policy/digest.h"

namespace attune::server {
namespace {

uint64_t FirstWord(const uint8_t* bytes) {
  uint64_t word = 0;
  for (int i = 0; i < 8; ++i) word |= uint64_t{bytes[i]} << (8 * i);
  return word;
}

// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): each bit of the input
// moves each bit of the output.
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace

uint64_t SplitSalt(std::string_view canary_id) {
  const std::string digest =
      policy::Sha256("attune split " + std::string(canary_id));
  return FirstWord(reinterpret_cast<const uint8_t*>(digest.data()));
}

TrafficRole Route(const TrafficSnapshot& traffic, const UserPseudonym& user,
                  const DecisionId& decision_id) {
  if (!traffic.on_trial()) return TrafficRole::kActive;
  const uint64_t word =
      FirstWord(IsAnonymous(user) ? decision_id.data() : user.data());
  // 53 bits, so that the product is exact and below 1.
  constexpr double kUnit = 1.0 / static_cast<double>(uint64_t{1} << 53);
  const double at = static_cast<double>(Mix(word ^ traffic.salt) >> 11) * kUnit;
  return at < traffic.canary_share ? TrafficRole::kCanary
                                   : TrafficRole::kActive;
}

}  // namespace attune::server
