// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_TRACES_H_
#define ATTUNE_SERVER_TRACES_H_

// The server's spans on their way to an OpenTelemetry collector, as the settings
// say: who they are from, which calls have one, how they are counted.
//
// Life cycle: Create(), tracer() for the services, Stop() once they are gone.
// Thread-safe but for Stop().

#include <prometheus/collectable.h>

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/config.h"
#include "tracing/otlp_exporter.h"
#include "tracing/tracer.h"

namespace attune::server {

class Traces {
 public:
  // Null if there is no otlp_endpoint. kInvalidArgument, kNotFound name the
  // setting. Does not connect.
  static absl::StatusOr<std::unique_ptr<Traces>> Create(
      const ServerConfig& config, const std::function<absl::Time()>& clock);

  const tracing::Tracer& tracer() const { return tracer_; }
  // For an Exposer, which does not keep it.
  const std::shared_ptr<prometheus::Collectable>& metrics() const {
    return metrics_;
  }
  // Sends what waits; blocks, at most so long.
  void Stop(absl::Duration limit) { exporter_->Stop(limit); }

 private:
  Traces(std::unique_ptr<tracing::OtlpExporter> exporter, double ratio,
         const std::function<absl::Time()>& clock);

  const std::unique_ptr<tracing::OtlpExporter> exporter_;
  const tracing::Tracer tracer_;
  const std::shared_ptr<prometheus::Collectable> metrics_;
};

// Null without tracing.
inline const tracing::Tracer* TracerOf(const Traces* traces) {
  return traces == nullptr ? nullptr : &traces->tracer();
}

}  // namespace attune::server

#endif  // ATTUNE_SERVER_TRACES_H_
