// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/tracing_backend.h"

#include <spdlog/spdlog.h>

#include <deque>
#include <optional>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "tracing/otlp_exporter.h"

namespace attune::trainer {
namespace {

// A round's calls may all end at once.
constexpr size_t kMaxQueued = 1 << 16;
constexpr absl::Duration kLastSpans = absl::Seconds(2);

// One request's span.
class RequestSpan final : public CallTrace {
 public:
  RequestSpan(const tracing::Tracer& tracer, tracing::Span span)
      : tracer_(tracer), span_(std::move(span)) {}

  void Begin() override {
    if (!begun_) span_.start = tracer_.Now();
    begun_ = true;
  }
  void End() override { end_ = tracer_.Now(); }
  std::string traceparent() const override {
    return tracing::FormatTraceparent(span_.context);
  }

  void Finish(const absl::StatusOr<LlmAnswer>& answer) {
    if (answer.ok()) {
      SetIfAny("gen_ai.usage.input_tokens", answer->usage.prompt_tokens);
      SetIfAny("gen_ai.usage.output_tokens", answer->usage.answer_tokens);
      span_.Set("attune.llm_calls", answer->usage.llm_calls);
    } else {
      span_.Set("error.type", absl::AsciiStrToLower(absl::StatusCodeToString(
                                  answer.status().code())));
      span_.failed = true;
    }
    tracer_.EndAt(std::move(span_), end_.value_or(tracer_.Now()));
  }

 private:
  void SetIfAny(const char* key, int64_t tokens) {
    if (tokens > 0) span_.Set(key, tokens);
  }

  const tracing::Tracer& tracer_;
  tracing::Span span_;
  bool begun_ = false;
  std::optional<absl::Time> end_;
};

tracing::Span RequestSpanOf(const tracing::Tracer& tracer,
                            const tracing::Span& round,
                            const LlmDescription& llm) {
  const auto kind = llm.server_address.empty() ? tracing::SpanKind::kInternal
                                               : tracing::SpanKind::kClient;
  // The round is recorded, so this is.
  tracing::Span span = *tracer.Start(
      absl::StrCat(llm.operation, " ", llm.model), kind, &round.context);
  span.Set("gen_ai.operation.name", llm.operation);
  span.Set("gen_ai.provider.name", llm.provider);
  span.Set("gen_ai.request.model", llm.model);
  if (!llm.server_address.empty()) {
    span.Set("server.address", llm.server_address);
    span.Set("server.port", llm.server_port);
  }
  return span;
}

void FillRandom(absl::Span<uint8_t> bytes) {
  thread_local absl::BitGen generator;
  for (uint8_t& byte : bytes) byte = absl::Uniform<uint8_t>(generator);
}

absl::Status In(const char* flag, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(flag, ": ", status.message()));
}

}  // namespace

LlmDescription DescribeEndpoint(const std::string& url,
                                const std::string& model) {
  const size_t host = url.find("://") + 3;
  std::string authority = url.substr(host, url.find('/', host) - host);
  LlmDescription llm{.operation = "chat", .provider = "openai", .model = model};
  llm.server_port = absl::StartsWith(url, "https://") ? 443 : 80;
  const size_t colon = authority.rfind(':');
  // Not one of an IPv6 address.
  if (colon != std::string::npos &&
      authority.find(']', colon) == std::string::npos &&
      absl::SimpleAtoi(authority.substr(colon + 1), &llm.server_port)) {
    authority.resize(colon);
  }
  llm.server_address = std::move(authority);
  return llm;
}

TracingBackend::TracingBackend(std::unique_ptr<LlmBackend> backend,
                               LlmDescription llm,
                               std::shared_ptr<tracing::SpanExporter> exporter,
                               tracing::Tracer tracer)
    : exporter_(std::move(exporter)),
      backend_(std::move(backend)),
      llm_(std::move(llm)),
      tracer_(std::move(tracer)) {}

std::vector<absl::StatusOr<LlmAnswer>> TracingBackend::Answer(
    absl::Span<const LlmRequest> requests) {
  std::optional<tracing::Span> round =
      tracer_.Start("attune.round", tracing::SpanKind::kInternal);
  if (!round.has_value()) return backend_->Answer(requests);
  std::deque<RequestSpan> spans;
  std::vector<LlmRequest> traced(requests.begin(), requests.end());
  for (LlmRequest& request : traced) {
    request.trace =
        &spans.emplace_back(tracer_, RequestSpanOf(tracer_, *round, llm_));
  }
  std::vector<absl::StatusOr<LlmAnswer>> answers = backend_->Answer(traced);
  int64_t faults = 0;
  for (size_t i = 0; i < answers.size() && i < spans.size(); ++i) {
    faults += answers[i].ok() ? 0 : 1;
    spans[i].Finish(answers[i]);
  }
  round->Set("attune.requests", static_cast<int64_t>(requests.size()));
  round->Set("attune.faults", faults);
  tracer_.End(*std::move(round));
  return answers;
}

absl::StatusOr<std::unique_ptr<LlmBackend>> ExportTraces(
    std::unique_ptr<LlmBackend> backend, LlmDescription llm,
    const TraceTarget& target) {
  auto headers = tracing::ParseHeaders(target.headers);
  if (!headers.ok()) return In("--otlp-headers-file", headers.status());
  auto made = tracing::OtlpExporter::Create(
      {.endpoint = target.endpoint,
       .headers = *std::move(headers),
       .resource = {{"service.name", "attune_trainer"},
                    {"service.version", ATTUNE_VERSION}},
       .max_queued = kMaxQueued,
       .on_failure = [](const std::string& reason) {
         spdlog::warn("spans are not exported: {}", reason);
       }});
  if (!made.ok()) return In("--otlp-endpoint", made.status());
  std::shared_ptr<tracing::OtlpExporter> exporter(
      made->release(), [](tracing::OtlpExporter* last) {
        last->Stop(kLastSpans);
        delete last;
      });
  tracing::Tracer tracer({.exporter = exporter.get(),
                          .ratio = target.ratio,
                          .clock = [] { return absl::Now(); },
                          .random = FillRandom});
  return std::make_unique<TracingBackend>(std::move(backend), std::move(llm),
                                          std::move(exporter),
                                          std::move(tracer));
}

}  // namespace attune::trainer
