// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRACING_OTLP_JSON_H_
#define ATTUNE_TRACING_OTLP_JSON_H_

// Spans as the body of an OTLP/HTTP request: the JSON form of an
// ExportTraceServiceRequest. It is Protobuf's, but ids are in hexadecimal, enums
// are numbers and 64-bit numbers are strings.
//
// Pure functions; safe to call from any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "tracing/span.h"

namespace attune::tracing {

// `resource` says who the spans are from. Text that is not UTF-8 is replaced.
std::string ToOtlpJson(absl::Span<const Attribute> resource,
                       absl::Span<const Span> spans);

// How many spans of a request the receiver did not take, by its answer's body; 0
// if it does not say.
int64_t RejectedSpans(std::string_view answer);

}  // namespace attune::tracing

#endif  // ATTUNE_TRACING_OTLP_JSON_H_
