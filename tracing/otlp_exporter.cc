// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tracing/otlp_exporter.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "tracing/otlp_json.h"

namespace attune::tracing {
namespace {

// How often the queue is looked at: whoever exports wakes nobody.
constexpr absl::Duration kLook = absl::Milliseconds(100);

bool IsBusy(const HttpAnswer& answer) {
  const long status = answer.http_status;
  return !answer.transport.ok() || status == 429 || status == 502 ||
         status == 503 || status == 504;
}

std::string ReasonOf(const HttpAnswer& answer) {
  return answer.transport.ok() ? absl::StrCat("HTTP ", answer.http_status)
                               : std::string(answer.transport.message());
}

}  // namespace

absl::StatusOr<std::unique_ptr<OtlpExporter>> OtlpExporter::Create(
    Options options) {
  ATTUNE_ASSIGN_OR_RETURN(
      auto http,
      HttpPost::Create(options.endpoint, "/v1/traces", options.headers));
  return std::unique_ptr<OtlpExporter>(
      new OtlpExporter(std::move(options), std::move(http)));
}

OtlpExporter::OtlpExporter(Options options, std::unique_ptr<HttpPost> http)
    : options_(std::move(options)),
      http_(std::move(http)),
      queue_(options_.max_queued),
      rng_(options_.seed),
      thread_([this] { Run(); }) {}

OtlpExporter::~OtlpExporter() { Stop(absl::ZeroDuration()); }

void OtlpExporter::Export(Span span) {
  if (queue_.TryPush(std::move(span))) return;
  dropped_full_.fetch_add(1, std::memory_order_relaxed);
}

void OtlpExporter::Stop(absl::Duration limit) {
  if (!thread_.joinable()) return;
  http_->HurryUntil(absl::Now() + limit);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

ExportStats OtlpExporter::stats() const {
  return {.exported = exported_,
          .dropped_full = dropped_full_,
          .dropped_error = dropped_error_};
}

void OtlpExporter::Run() {
  if (options_.on_thread_start) options_.on_thread_start();
  while (true) {
    const std::vector<Span> batch = NextBatch();
    if (batch.empty()) return;
    Send(batch);
  }
}

std::vector<Span> OtlpExporter::NextBatch() {
  std::vector<Span> batch;
  absl::Duration waited;
  while (true) {
    const bool stopping = is_stopping();
    Take(&batch);
    if (stopping || batch.size() >= options_.max_batch) return batch;
    if (!batch.empty() && waited >= options_.max_delay) return batch;
    const absl::Duration look = std::min(kLook, options_.max_delay);
    if (!batch.empty()) waited += look;
    Wait(look);
  }
}

void OtlpExporter::Take(std::vector<Span>* batch) {
  Span span;
  while (batch->size() < options_.max_batch && queue_.TryPop(&span)) {
    batch->push_back(std::move(span));
  }
}

void OtlpExporter::Send(const std::vector<Span>& batch) {
  const std::string body = ToOtlpJson(options_.resource, batch);
  const auto spans = static_cast<int64_t>(batch.size());
  absl::Duration wait;
  for (int attempt = 1;; ++attempt) {
    const bool last = is_stopping();
    const HttpAnswer answer = http_->Post(body, options_.timeout);
    if (IsOver(answer, last ? options_.max_attempts : attempt, spans, &wait)) {
      return;
    }
    Wait(wait);
  }
}

bool OtlpExporter::IsOver(const HttpAnswer& answer, int attempt, int64_t spans,
                          absl::Duration* wait) {
  if (answer.transport.ok() && answer.http_status / 100 == 2) {
    const int64_t rejected = std::min(RejectedSpans(answer.body), spans);
    exported_ += spans - rejected;
    failing_ = failing_ && rejected > 0;
    if (rejected > 0) Drop(rejected, "refused in part");
    return true;
  }
  if (!IsBusy(answer) || attempt >= options_.max_attempts) {
    Drop(spans, ReasonOf(answer));
    return true;
  }
  const absl::Duration longest =
      std::min(options_.backoff * (int64_t{1} << std::min(attempt - 1, 30)),
               options_.max_backoff);
  *wait = std::min(std::max(rng_.UnitDouble() * longest,
                            answer.retry_after.value_or(absl::ZeroDuration())),
                   options_.max_backoff);
  return false;
}

void OtlpExporter::Drop(int64_t spans, const std::string& reason) {
  dropped_error_ += spans;
  if (!failing_ && options_.on_failure) options_.on_failure(reason);
  failing_ = true;
}

bool OtlpExporter::Wait(absl::Duration duration) {
  std::unique_lock<std::mutex> lock(mutex_);
  return wake_.wait_for(lock, absl::ToChronoMicroseconds(duration),
                        [this] { return stopping_; });
}

bool OtlpExporter::is_stopping() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stopping_;
}

}  // namespace attune::tracing
