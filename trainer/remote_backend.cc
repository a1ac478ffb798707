// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/remote_backend.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policy/status_macros.h"
#include "trainer/remote_exchange.h"

namespace attune::trainer {
namespace {

// The run is there for so long after its learner was last heard of: longer than
// it learns between two rounds.
constexpr absl::Duration kRunLasts = absl::Minutes(1);
constexpr absl::Duration kSayEvery = absl::Seconds(10);
constexpr absl::Duration kShortestPause = absl::Milliseconds(100);

// What no waiting mends.
bool IsFinal(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status) ||
         absl::IsFailedPrecondition(status);
}

}  // namespace

RemoteBackend::RemoteBackend(RemoteOptions options)
    : options_(std::move(options)),
      connection_(options_.redis),
      stream_(connection_, options_.prefix, options_.run),
      runs_(connection_, options_.prefix, RolloutPresence::Kind::kRun),
      workers_(connection_, options_.prefix, RolloutPresence::Kind::kWorker) {}

RemoteBackend::~RemoteBackend() {
  if (!connection_.is_connected()) return;
  runs_.Leave(options_.run).IgnoreError();
  stream_.Close().IgnoreError();
}

absl::StatusOr<std::unique_ptr<RemoteBackend>> RemoteBackend::Create(
    RemoteOptions options) {
  std::unique_ptr<RemoteBackend> backend(new RemoteBackend(std::move(options)));
  ATTUNE_RETURN_IF_ERROR(backend->Meet());
  RemoteOptions& made = backend->options_;
  if (made.identity.empty()) made.identity = made.llm->llm;
  return backend;
}

absl::StatusOr<bool> RemoteBackend::LookAround() {
  ATTUNE_ASSIGN_OR_RETURN(const auto all, workers_.All());
  if (options_.llm.has_value()) return true;
  std::vector<std::string> described;
  for (const auto& [name, value] : all) {
    const absl::StatusOr<LlmFacts> facts = DecodeWorker(value);
    if (!facts.ok()) {
      SayOnce(absl::StrCat("worker ", name,
                           " is not used: ", facts.status().message()));
      continue;
    }
    described.push_back(absl::StrCat(name, " has ", facts->llm));
    if (!options_.llm.has_value()) options_.llm = *facts;
    if (*facts == *options_.llm) continue;
    options_.llm.reset();
    return absl::FailedPreconditionError(absl::StrCat(
        "workers have different LLMs, and a run wants one: ",
        absl::StrJoin(described, ", "),
        "; stop some, or give those of each LLM a prefix of their own"));
  }
  return options_.llm.has_value();
}

absl::Status RemoteBackend::Meet() {
  const absl::Time deadline = options_.clock() + options_.patience;
  while (true) {
    const absl::StatusOr<bool> met = LookAround();
    if (met.ok() && *met) return absl::OkStatus();
    if (!met.ok() && IsFinal(met.status())) return met.status();
    SayWaiting("a first worker", met.status());
    if (options_.clock() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          "no worker came in ", absl::FormatDuration(options_.patience),
          met.ok() ? "" : absl::StrCat(": ", met.status().message())));
    }
    Pause();
  }
}

absl::Status RemoteBackend::Announce() {
  // First what a worker needs to serve it.
  ATTUNE_RETURN_IF_ERROR(stream_.Open(kRunLasts));
  ATTUNE_RETURN_IF_ERROR(runs_.Announce(
      options_.run,
      EncodeRun({.llm = options_.llm->llm, .lease = options_.lease}),
      kRunLasts));
  return CountWorkers();
}

absl::Status RemoteBackend::CountWorkers() {
  ATTUNE_ASSIGN_OR_RETURN(const auto all, workers_.All());
  workers_seen_ = 0;
  for (const auto& [name, value] : all) {
    const absl::StatusOr<LlmFacts> facts = DecodeWorker(value);
    if (facts.ok() && *facts == *options_.llm) {
      ++workers_seen_;
      continue;
    }
    SayOnce(absl::StrCat(
        "worker ", name, " is not used: ",
        facts.ok() ? absl::StrCat("it has another LLM, ", facts->llm,
                                  "; this run wants ", options_.llm->llm)
                   : std::string(facts.status().message())));
  }
  return absl::OkStatus();
}

void RemoteBackend::SayOnce(const std::string& what) {
  if (said_.insert(what).second) options_.say(what);
}

void RemoteBackend::SayWaiting(const std::string& what,
                               const absl::Status& trouble) {
  const absl::Time now = options_.clock();
  if (now - said_at_ < kSayEvery) return;
  said_at_ = now;
  const std::string why =
      !trouble.ok() ? std::string(trouble.message())
      : workers_seen_ == 0
          ? absl::StrCat("no worker is at redis ",
                         connection_.endpoint().Name(), " (prefix ",
                         options_.prefix, "); attune_trainer worker is one")
          : absl::StrCat(workers_seen_, " workers are there");
  options_.say(absl::StrCat("waiting for ", what, ": ", why));
}

void RemoteBackend::Pause() {
  options_.sleep(
      std::max(connection_.next_attempt() - options_.clock(), kShortestPause));
}

std::vector<absl::StatusOr<LlmAnswer>> RemoteBackend::Answer(
    absl::Span<const LlmRequest> requests) {
  return Exchange(*this, requests).ToTheEnd();
}

std::vector<std::pair<std::string, double>> RemoteBackend::Metrics() const {
  return {{"workers", workers_seen_},
          {"workers.added_again", static_cast<double>(added_again_)},
          {"workers.late", static_cast<double>(late_)},
          {"workers.faults", static_cast<double>(faults_)}};
}

}  // namespace attune::trainer
