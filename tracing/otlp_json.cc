// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tracing/otlp_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace attune::tracing {
namespace {

using Json = nlohmann::json;

constexpr int kStatusError = 2;

Json ToJson(const Attribute& attribute) {
  Json value;
  if (const auto* number = std::get_if<int64_t>(&attribute.value)) {
    value["intValue"] = absl::StrCat(*number);
  } else {
    value["stringValue"] = std::get<std::string>(attribute.value);
  }
  return {{"key", attribute.key}, {"value", std::move(value)}};
}

Json ToJson(absl::Span<const Attribute> attributes) {
  Json list = Json::array();
  for (const Attribute& attribute : attributes) {
    list.push_back(ToJson(attribute));
  }
  return list;
}

std::string Nanos(absl::Time time) {
  return absl::StrCat(std::max<int64_t>(absl::ToUnixNanos(time), 0));
}

Json ToJson(const Span& span) {
  Json json = {{"traceId", ToHex(span.context.trace_id)},
               {"spanId", ToHex(span.context.span_id)},
               {"flags", span.context.sampled ? 1 : 0},
               {"name", span.name},
               {"kind", static_cast<int>(span.kind)},
               {"startTimeUnixNano", Nanos(span.start)},
               {"endTimeUnixNano", Nanos(span.end)},
               {"attributes", ToJson(span.attributes)}};
  if (span.parent.has_value()) json["parentSpanId"] = ToHex(*span.parent);
  if (!span.context.tracestate.empty()) {
    json["traceState"] = span.context.tracestate;
  }
  if (span.failed) json["status"] = {{"code", kStatusError}};
  return json;
}

}  // namespace

std::string ToOtlpJson(absl::Span<const Attribute> resource,
                       absl::Span<const Span> spans) {
  Json list = Json::array();
  for (const Span& span : spans) list.push_back(ToJson(span));
  const Json scope = {{"scope", {{"name", "attune"}}},
                      {"spans", std::move(list)}};
  const Json of_resource = {{"resource", {{"attributes", ToJson(resource)}}},
                            {"scopeSpans", Json::array({scope})}};
  const Json request = {{"resourceSpans", Json::array({of_resource})}};
  return request.dump(-1, ' ', false, Json::error_handler_t::replace);
}

int64_t RejectedSpans(std::string_view answer) {
  const Json json = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return 0;
  const auto partial = json.find("partialSuccess");
  if (partial == json.end() || !partial->is_object()) return 0;
  const auto rejected = partial->find("rejectedSpans");
  if (rejected == partial->end()) return 0;
  int64_t number = 0;
  if (rejected->is_number_integer()) {
    number = rejected->get<int64_t>();
  } else if (!rejected->is_string() ||
             !absl::SimpleAtoi(rejected->get<std::string>(), &number)) {
    return 0;
  }
  return std::max<int64_t>(number, 0);
}

}  // namespace attune::tracing
