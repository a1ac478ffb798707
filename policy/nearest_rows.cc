// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/nearest_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/container/inlined_vector.h"
#include "policy/dense.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace attune::policy {
namespace {

// Rows that are bounded at once.
constexpr int64_t kBlock = 8;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kMaxByte = 127.0;

// Between these float arithmetic neither underflows nor overflows below. What
// is beyond them is not bounded but multiplied.
constexpr float kSmallest = 1e-12F;
constexpr float kLargest = 1e12F;

// Largest absolute value; infinity if one is no number.
float LargestOf(const float* values, int64_t n) {
  float largest = 0.0F;
  for (int64_t i = 0; i < n; ++i) {
    const float value = std::abs(values[i]);
    if (!(value <= kLargest)) return kInfinity;
    largest = std::max(largest, value);
  }
  return largest;
}

bool CanBeBounded(float largest) {
  return largest >= kSmallest && largest <= kLargest;
}

// Largest whole number that entries of `x` are scaled to, such that a sum of
// `dim` products with bytes stays below 2^31.
double LargestWhole(int64_t dim) {
  return std::min(32767.0, std::floor(2147483647.0 / (kMaxByte * 1.01) /
                                      static_cast<double>(dim + 1)));
}

// The nearest whole number; std::nearbyint is a call on older machines.
int Whole(double value) {
  return static_cast<int>(value + std::copysign(0.5, value));
}

// Rounded up as a float.
float RoundedUp(double value) { return static_cast<float>(value * 1.000001); }

// The best so far, best first: few get in, and few are asked for.
class BestRows {
 public:
  explicit BestRows(int64_t count) : count_(static_cast<size_t>(count)) {}

  // What a score must be above to get in.
  float Least() const {
    return best_.size() < count_ ? -kInfinity : best_.back().score;
  }
  bool GetsIn(float score) const {
    return best_.size() < count_ || score > best_.back().score;
  }
  void Insert(int64_t row, float score) {
    if (best_.size() == count_) best_.pop_back();
    const auto at =
        std::find_if(best_.begin(), best_.end(),
                     [&](const Entry& entry) { return score > entry.score; });
    best_.insert(at, {row, score});
  }
  std::vector<int64_t> Rows() const {
    std::vector<int64_t> rows;
    rows.reserve(best_.size());
    for (const Entry& entry : best_) rows.push_back(entry.row);
    return rows;
  }

 private:
  struct Entry {
    int64_t row;
    float score;
  };
  size_t count_;
  absl::InlinedVector<Entry, 16> best_;
};

// What the rows are multiplied with.
struct Query {
  // [pairs] Two 16-bit whole numbers each; times `scale` nearly x.
  absl::InlinedVector<int32_t, 64> pairs;
  float scale = 0.0F;
  // At least |x|; infinity if x cannot be bounded.
  float norm = kInfinity;
};

// A row's product with x is at most scale * (bytes . x) + slack * |x|.
struct Bound {
  float scale = 0.0F;
  float slack = 0.0F;
};

// With row = s b + e and x = t y + f, b and y whole, lengths as |.|:
//   row . x = s t b . y + s b . f + e . x
//   |s b . f + e . x| <= (|row| + |e|) |f| + |e| |x|
// and |f| <= sqrt(n) t / 2 <= sqrt(n) / (2 LargestWhole) |x|. What rounding
// adds to the exact sum (DotRows) and to the bound is below (n + 32) / 2^24 of
// |row| |x|.
Bound Compress(const float* row, int64_t n, int8_t* bytes) {
  const float largest = LargestOf(row, n);
  if (largest == 0.0F) {
    std::fill_n(bytes, n, int8_t{0});
    return {};
  }
  if (!CanBeBounded(largest)) {
    std::fill_n(bytes, n, int8_t{0});
    return {.scale = 0.0F, .slack = kInfinity};
  }
  const auto scale = static_cast<float>(largest / kMaxByte);
  const double inverse = kMaxByte / largest;
  double square = 0.0;
  double rest_square = 0.0;
  for (int64_t i = 0; i < n; ++i) {
    const double value = row[i];
    const int whole = Whole(value * inverse);
    bytes[i] = static_cast<int8_t>(whole);
    square += value * value;
    rest_square += (value - scale * whole) * (value - scale * whole);
  }
  const auto dim = static_cast<double>(n);
  const double rest = std::sqrt(rest_square);
  const double relative =
      0.51 * std::sqrt(dim) / LargestWhole(n) + (dim + 32.0) / 16777216.0;
  return {.scale = scale,
          .slack = RoundedUp(rest + relative * (std::sqrt(square) + rest))};
}

Query MakeQuery(const float* x, int64_t n) {
  const int64_t pairs = (n + 1) / 2;
  Query query;
  query.pairs.resize(pairs);
  const float largest = LargestOf(x, n);
  if (!CanBeBounded(largest)) return query;
  const double whole = LargestWhole(n);
  const double inverse = whole / largest;
  query.scale = static_cast<float>(largest / whole);
  double square = 0.0;
  absl::InlinedVector<int16_t, 128> wholes(2 * pairs);
  for (int64_t i = 0; i < n; ++i) {
    const double value = x[i];
    wholes[i] = static_cast<int16_t>(Whole(value * inverse));
    square += value * value;
  }
  std::memcpy(query.pairs.data(), wholes.data(), pairs * sizeof(int32_t));
  query.norm = RoundedUp(std::sqrt(square));
  return query;
}

// A block's bytes and what its products are bounded with.
struct Block {
  const int8_t* bytes;
  const float* scales;
  const float* slacks;
};

// Bit r is set unless row r's product is at most `least` for sure; also if
// something is no number.
uint32_t MayBeatPlain(const Block& block, const Query& query, float least) {
  int32_t dots[kBlock] = {};
  const int8_t* bytes = block.bytes;
  for (const int32_t pair : query.pairs) {
    int16_t x[2];
    std::memcpy(x, &pair, sizeof(x));
    for (int r = 0; r < kBlock; ++r) {
      dots[r] += bytes[2 * r] * x[0] + bytes[2 * r + 1] * x[1];
    }
    bytes += 2 * kBlock;
  }
  uint32_t mask = 0;
  for (int r = 0; r < kBlock; ++r) {
    const float bound =
        block.scales[r] * query.scale * static_cast<float>(dots[r]) +
        block.slacks[r] * query.norm;
    mask |= static_cast<uint32_t>(!(bound <= least)) << r;
  }
  return mask;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) uint32_t MayBeatAvx2(const Block& block,
                                                     const Query& query,
                                                     float least) {
  __m256i dots = _mm256_setzero_si256();
  const int8_t* bytes = block.bytes;
  for (const int32_t pair : query.pairs) {
    const __m256i rows = _mm256_cvtepi8_epi16(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
    dots = _mm256_add_epi32(dots,
                            _mm256_madd_epi16(rows, _mm256_set1_epi32(pair)));
    bytes += 2 * kBlock;
  }
  const __m256 products = _mm256_mul_ps(
      _mm256_mul_ps(_mm256_loadu_ps(block.scales), _mm256_set1_ps(query.scale)),
      _mm256_cvtepi32_ps(dots));
  const __m256 slack =
      _mm256_mul_ps(_mm256_loadu_ps(block.slacks), _mm256_set1_ps(query.norm));
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(
      _mm256_add_ps(products, slack), _mm256_set1_ps(least), _CMP_NLE_UQ)));
}

const bool kHasAvx2 = __builtin_cpu_supports("avx2");
#endif

uint32_t MayBeat(const Block& block, const Query& query, float least) {
#if defined(__x86_64__)
  if (kHasAvx2) return MayBeatAvx2(block, query, least);
#endif
  return MayBeatPlain(block, query, least);
}

}  // namespace

NearestRows::NearestRows(const float* rows, int64_t n, int64_t dim)
    : rows_(rows), n_(n), dim_(dim), pairs_((dim + 1) / 2) {
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  bytes_.resize(blocks * pairs_ * 2 * kBlock);
  scales_.resize(blocks * kBlock);
  slacks_.resize(blocks * kBlock);
  std::vector<int8_t> bytes(2 * pairs_);
  for (int64_t r = 0; r < n; ++r) {
    const Bound bound = Compress(rows + r * dim, dim, bytes.data());
    scales_[r] = bound.scale;
    slacks_[r] = bound.slack;
    int8_t* to =
        bytes_.data() + r / kBlock * pairs_ * 2 * kBlock + r % kBlock * 2;
    for (int64_t p = 0; p < pairs_; ++p, to += 2 * kBlock) {
      std::memcpy(to, &bytes[2 * p], 2);
    }
  }
}

std::vector<int64_t> NearestRows::Search(
    const float* x, int64_t count,
    absl::FunctionRef<bool(int64_t)> excluded) const {
  if (count <= 0) return {};
  const Query query = MakeQuery(x, dim_);
  BestRows best(count);
  for (int64_t first = 0; first < n_; first += kBlock) {
    uint32_t left =
        MayBeat(Block{bytes_.data() + first * pairs_ * 2,
                      scales_.data() + first, slacks_.data() + first},
                query, best.Least());
    for (; left != 0; left &= left - 1) {
      const int64_t row = first + __builtin_ctz(left);
      if (row >= n_) break;
      float score;
      DotRows(rows_ + row * dim_, 1, dim_, x, &score);
      if (best.GetsIn(score) && !excluded(row)) best.Insert(row, score);
    }
  }
  return best.Rows();
}

}  // namespace attune::policy
