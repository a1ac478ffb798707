// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/rollout_worker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

constexpr absl::Duration kLookEvery = absl::Seconds(1);
// Without a run, and after an error that left the connection as it was.
constexpr absl::Duration kIdle = absl::Milliseconds(200);
constexpr absl::Duration kWait = absl::Milliseconds(500);
constexpr absl::Duration kSayEvery = absl::Seconds(10);
constexpr absl::Duration kShortestRest = absl::Seconds(1);
constexpr absl::Duration kLongestRest = absl::Seconds(30);

bool LetsNobodyIn(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

}  // namespace

RolloutWorker::RolloutWorker(LlmBackend& backend, RolloutWorkerOptions options)
    : backend_(backend),
      options_(std::move(options)),
      facts_(FactsOf(backend)),
      connection_(options_.redis),
      all_runs_(connection_, options_.prefix, RolloutPresence::Kind::kRun),
      queue_(connection_, options_.prefix, options_.name) {}

absl::Status RolloutWorker::Serve(const std::function<bool()>& stop) {
  const absl::Status first = LookForRuns();
  if (LetsNobodyIn(first)) return first;
  options_.say(absl::StrCat("worker ", options_.name, " at redis ",
                            connection_.endpoint().Name(), " (prefix ",
                            options_.prefix, "), LLM ", facts_.llm));
  stop_ = stop;
  said_at_ = options_.clock();
  keeper_.emplace(LeaseKeeper::Options{.redis = options_.redis,
                                       .prefix = options_.prefix,
                                       .worker = options_.name,
                                       .value = EncodeWorker(facts_)});
  while (!stop()) {
    const absl::Status status = Step();
    if (!status.ok()) Trouble(status);
    SayRate(/*last=*/false);
  }
  keeper_.reset();
  SayRate(/*last=*/true);
  return absl::OkStatus();
}

absl::Status RolloutWorker::Step() {
  if (options_.clock() >= look_at_) ATTUNE_RETURN_IF_ERROR(LookForRuns());
  if (runs_.empty()) {
    options_.sleep(kIdle);
    look_at_ = absl::InfinitePast();
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<RolloutJob>> jobs = NextJobs();
  if (absl::IsNotFound(jobs.status())) {
    // A run has ended; perhaps Redis forgot it, and its learner will come back.
    look_at_ = absl::InfinitePast();
    options_.sleep(kIdle);
    return absl::OkStatus();
  }
  ATTUNE_RETURN_IF_ERROR(jobs.status());
  if (!jobs->empty()) Work(*jobs);
  return absl::OkStatus();
}

absl::Status RolloutWorker::LookForRuns() {
  ATTUNE_ASSIGN_OR_RETURN(const auto all, all_runs_.All());
  look_at_ = options_.clock() + kLookEvery;
  runs_.clear();
  for (const auto& [name, value] : all) {
    const absl::StatusOr<RolloutRun> run = DecodeRun(value);
    if (run.ok() && run->llm == facts_.llm) {
      runs_[name] = run->lease;
    } else if (refused_.insert(name).second) {
      options_.say(absl::StrCat(
          "run ", name, " is not served: ",
          run.ok() ? absl::StrCat("it wants another LLM, ", run->llm,
                                  "; ours is ", facts_.llm)
                   : std::string(run.status().message())));
    }
  }
  return absl::OkStatus();
}

absl::Duration RolloutWorker::ShortestLease() const {
  absl::Duration shortest = absl::InfiniteDuration();
  for (const auto& [run, lease] : runs_) shortest = std::min(shortest, lease);
  return shortest;
}

absl::StatusOr<std::vector<RolloutJob>> RolloutWorker::NextJobs() {
  ATTUNE_ASSIGN_OR_RETURN(std::vector<RolloutJob> jobs, TakeOver());
  if (!jobs.empty()) return jobs;
  std::vector<std::string> names;
  for (const auto& [run, lease] : runs_) names.push_back(run);
  return queue_.Take(names, options_.batch_size,
                     std::min(kWait, ShortestLease() / 2));
}

absl::StatusOr<std::vector<RolloutJob>> RolloutWorker::TakeOver() {
  std::vector<RolloutJob> jobs;
  if (options_.clock() < take_over_at_) return jobs;
  for (const auto& [run, lease] : runs_) {
    const int room = options_.batch_size - static_cast<int>(jobs.size());
    if (room < 1) break;  // and at once again
    ATTUNE_ASSIGN_OR_RETURN(std::vector<RolloutJob> taken,
                            queue_.TakeOver(run, lease, room));
    std::move(taken.begin(), taken.end(), std::back_inserter(jobs));
  }
  counts_.taken_over += static_cast<int64_t>(jobs.size());
  if (jobs.empty()) take_over_at_ = options_.clock() + ShortestLease() / 2;
  return jobs;
}

std::vector<absl::StatusOr<LlmAnswer>> RolloutWorker::Rank(
    const std::vector<RolloutJob>& jobs) {
  std::vector<absl::StatusOr<LlmAnswer>> answers(
      jobs.size(), absl::InternalError("not answered"));
  std::vector<RemoteRequest> requests;
  std::vector<size_t> places;
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].deliveries > kMostDeliveries) {
      answers[i] =
          absl::AbortedError(absl::StrCat("given to workers ", kMostDeliveries,
                                          " times, none of which answered"));
      continue;
    }
    absl::StatusOr<RemoteRequest> request = DecodeRequest(jobs[i].request);
    if (!request.ok()) {
      answers[i] = request.status();
      continue;
    }
    requests.push_back(*std::move(request));
    places.push_back(i);
  }
  std::vector<LlmRequest> asked;
  for (const RemoteRequest& request : requests) asked.push_back(request.Ask());
  if (asked.empty()) return answers;
  const auto said = backend_.Answer(asked);
  for (size_t k = 0; k < std::min(said.size(), places.size()); ++k) {
    answers[places[k]] = said[k];
  }
  return answers;
}

void RolloutWorker::Work(const std::vector<RolloutJob>& jobs) {
  keeper_->Hold(jobs, ShortestLease());
  std::vector<std::string> answers;
  size_t faults = 0;
  for (const absl::StatusOr<LlmAnswer>& answer : Rank(jobs)) {
    if (!answer.ok()) {
      ++faults;
      last_fault_ = answer.status().ToString();
    }
    answers.push_back(EncodeAnswer(answer, options_.name));
  }
  counts_.faults += static_cast<int64_t>(faults);
  while (true) {
    const absl::StatusOr<int> first = queue_.Answer(jobs, answers);
    if (first.ok()) {
      counts_.answered += *first;
      counts_.late += static_cast<int64_t>(jobs.size()) - *first;
      break;
    }
    Trouble(first.status());
    // Whoever takes over ranks anew.
    if (stop_()) break;
  }
  keeper_->Release();
  RestIfBroken(faults == jobs.size());
}

void RolloutWorker::RestIfBroken(bool nothing_but_faults) {
  rest_ = nothing_but_faults
              ? std::clamp(2 * rest_, kShortestRest, kLongestRest)
              : absl::ZeroDuration();
  const absl::Time until = options_.clock() + rest_;
  while (options_.clock() < until && !stop_()) options_.sleep(kIdle);
}

void RolloutWorker::Trouble(const absl::Status& status) {
  const absl::Time now = options_.clock();
  if (now - trouble_said_at_ >= kSayEvery) {
    options_.say(std::string(status.message()));
    trouble_said_at_ = now;
  }
  options_.sleep(std::max(connection_.next_attempt() - now, kIdle));
}

void RolloutWorker::SayRate(bool last) {
  const absl::Time now = options_.clock();
  const absl::Duration since = now - said_at_;
  const int64_t more = counts_.answered - said_answered_;
  if (!last && since < kSayEvery) return;
  said_at_ = now;
  said_answered_ = counts_.answered;
  if (!last && more == 0) return;
  options_.say(absl::StrFormat(
      "%d rankings%s, %d faults, %d late, %d taken over%s", counts_.answered,
      last ? ""
           : absl::StrFormat(", %.1f/s", more / absl::ToDoubleSeconds(since)),
      counts_.faults, counts_.late, counts_.taken_over,
      last_fault_.empty() ? "" : absl::StrCat("; last fault: ", last_fault_)));
  last_fault_.clear();
}

}  // namespace attune::trainer
