// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PROMPT_HANDLER_H_
#define ATTUNE_SERVER_PROMPT_HANDLER_H_

// What the data plane does, without gRPC: takes the active revision, lets its
// policy decide, signs the decision. Never blocks.
//
// Borrows the registry, the signer, the metrics, the log, the monitor and the
// shadow; they must outlive it.
// Thread-safe.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "attune/v1/prompt_service.pb.h"
#include "policy/policy.h"
#include "policy/revision.h"
#include "server/decision_log.h"
#include "server/decision_token.h"
#include "server/guardrail_monitor.h"
#include "server/metrics.h"
#include "server/prompt_request.h"
#include "server/prompt_response.h"
#include "server/revision_registry.h"
#include "server/shadow.h"
#include "server/traffic.h"

namespace attune::server {

inline constexpr int kMaxUserIdBytes = 128;

// What a span tells of an answer (call_span.h): nothing that a user sent. Empty
// or zero as far as a request did not get.
struct PromptFacts {
  v1::DecisionMode mode = v1::DECISION_MODE_UNSPECIFIED;
  int64_t history_items = 0;
  int64_t candidates = 0;
  std::string policy;
  std::string revision;
  std::string decision_id;
};

class PromptHandler {
 public:
  struct Options {
    const RevisionRegistry* registry;
    const TokenSigner* signer;
    Metrics* metrics;
    // The time. Thread-safe.
    std::function<absl::Time()> clock;
    // Fills a span with random bytes nobody can predict. Thread-safe.
    std::function<void(absl::Span<uint8_t>)> random;
    // Where decisions are logged; null for nowhere.
    DecisionLog* log = nullptr;
    // Watches canaries; null for nobody.
    GuardrailMonitor* monitor = nullptr;
    // Lets the shadow decide; null for nobody.
    ShadowRunner* shadow = nullptr;
  };

  explicit PromptHandler(Options options);

  // The errors of the RPC of the same name (prompt_service.proto).
  absl::StatusOr<ServedDecision> GetPrompt(const PromptRequest& request) const;
  // The same from the bytes of a v1::GetPromptRequest: appends those of the
  // v1::GetPromptResponse. On error `out` may have grown. `facts` may be null.
  absl::Status Answer(std::string_view request, std::string* out,
                      PromptFacts* facts = nullptr) const;
  // As the RPC. The response is only filled on success; the request's items are
  // moved out of it.
  absl::Status PreviewPrompt(v1::PreviewPromptRequest& request,
                             v1::PreviewPromptResponse* response) const;

 private:
  // REQUIRES: there is a log.
  void LogDecision(const PromptRequest& request, TrafficRole role,
                   const ServedDecision& served) const;
  // The named revision, or the one that `role` says. kNotFound.
  absl::StatusOr<std::shared_ptr<const policy::Revision>> FindRevision(
      std::string_view revision, std::string_view policy,
      const TrafficSnapshot& traffic, TrafficRole role) const;
  // Verifies the token and makes sure it belongs to this request.
  absl::StatusOr<policy::PreviousIteration> FindPrevious(
      const v1::PreviousDecision& previous, const policy::Catalog& catalog,
      absl::Span<const policy::Item> candidates, absl::Time now) const;

  const Options options_;
};

// Random bytes of OpenSSL's generator, fetched for many requests at a time.
void SystemRandom(absl::Span<uint8_t> bytes);
// Of them, a number.
uint64_t RandomSeed();

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PROMPT_HANDLER_H_
