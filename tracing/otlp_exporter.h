// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRACING_OTLP_EXPORTER_H_
#define ATTUNE_TRACING_OTLP_EXPORTER_H_

// Sends spans to an OpenTelemetry collector, or whatever else speaks OTLP over
// HTTP: a bounded queue, and a thread of its own that takes them out in batches
// and POSTs them as JSON to <endpoint>/v1/traces.
//
// A receiver that is away, slow or busy (429, 502, 503, 504) gets a batch again,
// after what its Retry-After says or with exponential backoff; anything else that
// it refuses is dropped. Meanwhile spans wait in the queue; what does not fit is
// dropped. Everything dropped is counted, and nobody but the thread ever waits.
//
// Life cycle: Create(), Export() any number of times, Stop() once, which sends
// what is left; the destructor stops at once. Thread-safe but for Stop().

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/bounded_queue.h"
#include "policy/random.h"
#include "tracing/exporter.h"
#include "tracing/http_post.h"
#include "tracing/span.h"

namespace attune::tracing {

// Counts of spans.
struct ExportStats {
  // That the receiver took.
  int64_t exported = 0;
  // For which the queue had no place.
  int64_t dropped_full = 0;
  // That the receiver refused, or did not take in time.
  int64_t dropped_error = 0;
};

class OtlpExporter final : public SpanExporter {
 public:
  struct Options {
    // http:// or https://, without /v1/traces.
    std::string endpoint;
    // Lines "Name: value". Never logged.
    std::vector<std::string> headers = {};
    // Says who the spans are from.
    std::vector<Attribute> resource = {};
    size_t max_queued = 4096;
    // A batch is sent once it has this many spans or its first has waited so
    // long.
    size_t max_batch = 512;
    absl::Duration max_delay = absl::Seconds(2);
    // Of one call.
    absl::Duration timeout = absl::Seconds(5);
    // Calls for a batch, and the waits between: uniform up to `backoff`, then up
    // to twice as long, never longer than `max_backoff`; nor is Retry-After.
    int max_attempts = 5;
    absl::Duration backoff = absl::Seconds(1);
    absl::Duration max_backoff = absl::Seconds(30);
    // Of the waits.
    uint64_t seed = 1;
    // What the thread does first, for instance to lower its priority. Optional.
    std::function<void()> on_thread_start = {};
    // Told when a batch is dropped, unless the one before was too. Optional.
    std::function<void(const std::string& reason)> on_failure = {};
  };

  // kInvalidArgument, with a message that begins with "must", if the endpoint
  // cannot be one. Does not connect.
  static absl::StatusOr<std::unique_ptr<OtlpExporter>> Create(Options options);
  ~OtlpExporter() override;
  OtlpExporter(const OtlpExporter&) = delete;
  OtlpExporter& operator=(const OtlpExporter&) = delete;

  void Export(Span span) override;

  // Sends what waits, each batch in one more attempt, and drops what is left at
  // the deadline. Spans that come later are never sent.
  void Stop(absl::Duration limit);

  ExportStats stats() const;

 private:
  OtlpExporter(Options options, std::unique_ptr<HttpPost> http);
  void Run();
  // Waits until there is a batch, or nothing but to stop.
  std::vector<Span> NextBatch();
  void Take(std::vector<Span>* batch);
  void Send(const std::vector<Span>& batch);
  // Whether the batch is over; if not, `wait` says how long it should rest.
  bool IsOver(const HttpAnswer& answer, int attempt, int64_t spans,
              absl::Duration* wait);
  void Drop(int64_t spans, const std::string& reason);
  // True if it was interrupted by a stop.
  bool Wait(absl::Duration duration);
  bool is_stopping();

  const Options options_;
  const std::unique_ptr<HttpPost> http_;
  policy::BoundedQueue<Span> queue_;
  std::atomic<int64_t> exported_{0};
  std::atomic<int64_t> dropped_full_{0};
  std::atomic<int64_t> dropped_error_{0};
  // The thread's own.
  policy::Rng rng_;
  bool failing_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;     // the last member: it uses all others
};

}  // namespace attune::tracing

#endif  // ATTUNE_TRACING_OTLP_EXPORTER_H_
