// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/traces.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "server/file_io.h"
#include "server/log.h"
#include "server/metric_family.h"
#include "server/prompt_handler.h"
#include "server/thread_class.h"

namespace attune::server {
namespace {

constexpr int kMaxHeadersBytes = 64 << 10;

class TraceMetrics : public prometheus::Collectable {
 public:
  explicit TraceMetrics(const tracing::OtlpExporter* exporter)
      : exporter_(*exporter) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    const tracing::ExportStats stats = exporter_.stats();
    return {
        CounterFamily("attune_trace_spans_total",
                      {{{{"result", "exported"}}, stats.exported},
                       {{{"result", "dropped_full"}}, stats.dropped_full},
                       {{{"result", "dropped_error"}}, stats.dropped_error}})};
  }

 private:
  const tracing::OtlpExporter& exporter_;
};

absl::Status In(const char* setting, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(setting, ": ", status.message()));
}

// This process among its replicas.
std::string InstanceId() {
  char host[256] = "unknown";
  ::gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, "-", ::getpid());
}

absl::StatusOr<std::vector<std::string>> ReadHeaders(const std::string& path) {
  if (path.empty()) return std::vector<std::string>();
  ATTUNE_ASSIGN_OR_RETURN(const std::string bytes,
                          ReadSmallFile(path, kMaxHeadersBytes));
  auto headers = tracing::ParseHeaders(bytes);
  if (!headers.ok()) return In(path.c_str(), headers.status());
  return headers;
}

void WarnOfLoss(const std::string& reason) {
  Log(LogLevel::kWarning, "spans are not exported", {{"error", reason}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Traces>> Traces::Create(
    const ServerConfig& config, const std::function<absl::Time()>& clock) {
  if (config.otlp_endpoint.empty()) return nullptr;
  auto headers = ReadHeaders(config.otlp_headers_file);
  if (!headers.ok()) return In("otlp_headers_file", headers.status());
  auto exporter = tracing::OtlpExporter::Create(
      {.endpoint = config.otlp_endpoint,
       .headers = *std::move(headers),
       .resource = {{"service.name", "attune_server"},
                    {"service.version", ATTUNE_VERSION},
                    {"service.instance.id", InstanceId()}},
       .seed = RandomSeed(),
       .on_thread_start = [] { JoinThreadClass(ThreadClass::kBackground); },
       .on_failure = WarnOfLoss});
  if (!exporter.ok()) return In("otlp_endpoint", exporter.status());
  return std::unique_ptr<Traces>(
      new Traces(*std::move(exporter), config.trace_ratio, clock));
}

Traces::Traces(std::unique_ptr<tracing::OtlpExporter> exporter, double ratio,
               const std::function<absl::Time()>& clock)
    : exporter_(std::move(exporter)),
      tracer_({.exporter = exporter_.get(),
               .ratio = ratio,
               .clock = clock,
               .random = SystemRandom}),
      metrics_(std::make_shared<TraceMetrics>(exporter_.get())) {}

}  // namespace attune::server
