// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_TRACING_BACKEND_H_
#define ATTUNE_TRAINER_TRACING_BACKEND_H_

// A backend whose calls have spans, after OpenTelemetry's conventions for
// generative AI. What one Answer() asks is one trace: a span `attune.round`, and
// below it one for each request. Under the reward cache, so that only what
// reaches the LLM has a span.
//
// A span holds the model, tokens, times and faults; never a prompt or an answer.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tracing/exporter.h"
#include "tracing/tracer.h"
#include "trainer/llm_backend.h"

namespace attune::trainer {

// The LLM, in the conventions' words.
struct LlmDescription {
  // "chat" or "text_completion".
  std::string operation;
  std::string provider;
  std::string model;
  // Of the endpoint; empty and 0 for an LLM in this process.
  std::string server_address = "";
  int64_t server_port = 0;
};

// Of an OpenAI-compatible endpoint.
LlmDescription DescribeEndpoint(const std::string& url,
                                const std::string& model);

// As thread-safe as the backend.
class TracingBackend final : public LlmBackend {
 public:
  // `tracer` is one of `exporter`, which lives as long as the backend.
  TracingBackend(std::unique_ptr<LlmBackend> backend, LlmDescription llm,
                 std::shared_ptr<tracing::SpanExporter> exporter,
                 tracing::Tracer tracer);

  std::vector<absl::StatusOr<LlmAnswer>> Answer(
      absl::Span<const LlmRequest> requests) override;

  std::string Identity() const override { return backend_->Identity(); }
  bool Cacheable() const override { return backend_->Cacheable(); }
  bool Samples() const override { return backend_->Samples(); }

 private:
  const std::shared_ptr<tracing::SpanExporter> exporter_;
  const std::unique_ptr<LlmBackend> backend_;
  const LlmDescription llm_;
  const tracing::Tracer tracer_;
};

struct TraceTarget {
  // As OtlpExporter::Options::endpoint.
  std::string endpoint;
  // Lines "Name: value".
  std::string headers;
  // Share of the rounds that have spans.
  double ratio = 1.0;
};

// `backend` with its spans sent there; what waits is sent, within two seconds,
// when it is destroyed. kInvalidArgument names the flag that is wrong.
absl::StatusOr<std::unique_ptr<LlmBackend>> ExportTraces(
    std::unique_ptr<LlmBackend> backend, LlmDescription llm,
    const TraceTarget& target);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_TRACING_BACKEND_H_
