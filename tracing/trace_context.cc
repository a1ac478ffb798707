// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tracing/trace_context.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace attune::tracing {
namespace {

// version "-" trace id "-" span id "-" flags
constexpr size_t kTraceIdAt = 3;
constexpr size_t kSpanIdAt = 36;
constexpr size_t kFlagsAt = 53;
constexpr size_t kLength = 55;
constexpr uint8_t kSampled = 1;

// -1 for what is no digit, upper case included.
int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// False if there is anything else than digits.
template <size_t N>
bool ReadHex(std::string_view text, size_t at, std::array<uint8_t, N>* bytes) {
  for (size_t i = 0; i < N; ++i) {
    const int high = DigitOf(text[at + 2 * i]);
    const int low = DigitOf(text[at + 2 * i + 1]);
    if (high < 0 || low < 0) return false;
    (*bytes)[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

template <size_t N>
bool IsZero(const std::array<uint8_t, N>& bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](uint8_t byte) { return byte == 0; });
}

template <size_t N>
std::string HexOf(const std::array<uint8_t, N>& bytes) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes.data()), N));
}

bool HasShape(std::string_view value) {
  return value.size() >= kLength && value[kTraceIdAt - 1] == '-' &&
         value[kSpanIdAt - 1] == '-' && value[kFlagsAt - 1] == '-' &&
         (value.size() == kLength || value[kLength] == '-');
}

}  // namespace

std::optional<TraceContext> ParseTraceparent(std::string_view value) {
  if (!HasShape(value)) return std::nullopt;
  std::array<uint8_t, 1> version;
  std::array<uint8_t, 1> flags;
  TraceContext context;
  if (!ReadHex(value, 0, &version) ||
      !ReadHex(value, kTraceIdAt, &context.trace_id) ||
      !ReadHex(value, kSpanIdAt, &context.span_id) ||
      !ReadHex(value, kFlagsAt, &flags)) {
    return std::nullopt;
  }
  if (version[0] == 0xff || (version[0] == 0 && value.size() != kLength) ||
      IsZero(context.trace_id) || IsZero(context.span_id)) {
    return std::nullopt;
  }
  context.sampled = (flags[0] & kSampled) != 0;
  return context;
}

std::string FormatTraceparent(const TraceContext& context) {
  return absl::StrCat("00-", ToHex(context.trace_id), "-",
                      ToHex(context.span_id), context.sampled ? "-01" : "-00");
}

bool MayPassOn(std::string_view tracestate) {
  return tracestate.size() <= kMaxTracestateBytes &&
         std::all_of(tracestate.begin(), tracestate.end(),
                     [](char c) { return c >= ' ' && c <= '~'; });
}

std::string ToHex(const TraceId& id) { return HexOf(id); }
std::string ToHex(const SpanId& id) { return HexOf(id); }

}  // namespace attune::tracing
