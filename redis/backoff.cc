// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "redis/backoff.h"

#include <algorithm>

namespace attune::redis {

void Backoff::Fail(absl::Time now) {
  constexpr int kMaxDoublings = 20;
  const absl::Duration wait =
      std::min(options_.most,
               options_.least * (1 << std::min(failures_, kMaxDoublings)));
  ++failures_;
  next_ = now + wait * (0.5 + 0.5 * random_());
}

}  // namespace attune::redis
