// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/prompt_handler.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "policy/item_proto.h"
#include "policy/status_macros.h"
#include "server/convert.h"
#include "server/error_reason.h"

namespace attune::server {
namespace {

std::array<uint8_t, 16> HashOf(absl::Span<const policy::Item> candidates) {
  absl::InlinedVector<std::string_view, 32> ids;
  for (const policy::Item& item : candidates) ids.push_back(item.id);
  return HashCandidates(ids);
}

std::array<uint8_t, 8> CatalogTag(const policy::Catalog& catalog) {
  std::array<uint8_t, 8> tag = {};
  const std::string bytes = absl::HexStringToBytes(
      absl::string_view(catalog.digest).substr(0, 2 * tag.size()));
  std::memcpy(tag.data(), bytes.data(), std::min(bytes.size(), tag.size()));
  return tag;
}

bool IsApprentice(const PromptRequest& request) {
  return request.mode == v1::DECISION_MODE_APPRENTICE;
}

// Takes the caller's own choice, with the probabilities that each agent would
// have drawn from after the caller's options of the patterns before.
absl::StatusOr<policy::Decision> FollowCaller(const policy::Policy& policy,
                                              const policy::Request& request,
                                              const auto& own_choice) {
  if (own_choice.empty()) {
    return absl::InvalidArgumentError(
        "own_choice: required in mode APPRENTICE");
  }
  ATTUNE_ASSIGN_OR_RETURN(
      const std::vector<int> options,
      OptionsFromProto("own_choice", policy.catalog(), own_choice));
  ATTUNE_ASSIGN_OR_RETURN(policy::Decision decision,
                          policy.Preview(request, options));
  std::vector<float>& all = decision.choice.option_probabilities;
  for (size_t k = 0; k < options.size(); ++k) {
    const Eigen::VectorXf p = policy.actor().Probabilities(
        static_cast<int>(k), decision.state.features,
        absl::MakeConstSpan(options).subspan(0, k));
    all.insert(all.end(), p.begin(), p.end());
  }
  return decision;
}

void FillClaims(const policy::Revision& revision, const policy::Choice& choice,
                DecisionClaims* claims) {
  claims->catalog = CatalogTag(revision.policy().catalog());
  claims->history_length = choice.history_length;
  for (const policy::PatternChoice& pattern : choice.patterns) {
    claims->options.push_back(pattern.option);
    claims->probabilities.push_back(pattern.probability);
  }
}

// Random bytes fetched in advance: one call of OpenSSL's generator for many
// requests. What was handed out is wiped.
class RandomPool {
 public:
  void Take(absl::Span<uint8_t> bytes) {
    if (bytes.size() > pool_.size()) return Fetch(bytes);
    if (pool_.size() - used_ < bytes.size()) {
      Fetch(absl::MakeSpan(pool_));
      used_ = 0;
    }
    std::memcpy(bytes.data(), pool_.data() + used_, bytes.size());
    OPENSSL_cleanse(pool_.data() + used_, bytes.size());
    used_ += bytes.size();
  }

 private:
  static void Fetch(absl::Span<uint8_t> bytes) {
    // Without randomness there are no decisions and no safe way on.
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
      std::abort();
    }
  }

  std::array<uint8_t, 4096> pool_;
  size_t used_ = pool_.size();
};

void Note(const PromptRequest& request, PromptFacts* facts) {
  facts->mode = request.mode;
  facts->history_items = static_cast<int64_t>(request.history.items().size());
  facts->candidates = static_cast<int64_t>(request.candidates.items().size());
}

void Note(const ServedDecision& served, PromptFacts* facts) {
  facts->policy = served.revision->manifest().policy();
  facts->revision = served.revision->id();
  facts->decision_id = HexOf(served.claims.decision_id);
}

absl::Status InPrevious(const absl::Status& status) {
  absl::Status moved(status.code(),
                     absl::StrCat("previous.", status.message()));
  return WithReason(std::move(moved), ReasonOf(status));
}

}  // namespace

PromptHandler::PromptHandler(Options options) : options_(std::move(options)) {}

absl::StatusOr<ServedDecision> PromptHandler::GetPrompt(
    const PromptRequest& request) const {
  if (request.user_id.size() > kMaxUserIdBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("user_id: longer than ", kMaxUserIdBytes, " bytes"));
  }
  std::array<uint8_t, sizeof(DecisionId) + sizeof(uint64_t)> random;
  options_.random(absl::MakeSpan(random));
  ServedDecision served;
  DecisionClaims& claims = served.claims;
  std::memcpy(claims.decision_id.data(), random.data(), sizeof(DecisionId));
  claims.user = options_.signer->Pseudonym(request.user_id);
  // Kept to the end, whatever the traffic becomes meanwhile.
  const std::shared_ptr<const TrafficSnapshot> traffic =
      options_.registry->Traffic();
  const TrafficRole role =
      request.revision.empty()
          ? Route(*traffic, claims.user, claims.decision_id)
          : TrafficRole::kNamed;
  ATTUNE_ASSIGN_OR_RETURN(
      served.revision,
      FindRevision(request.revision, request.policy, *traffic, role));
  const bool apprentice = IsApprentice(request);
  const policy::Policy& policy = served.revision->policy();
  const absl::Span<const policy::Item> candidates = request.candidates.items();
  policy::Request decide;
  decide.history = request.history.items();
  decide.candidates = candidates;
  if (!apprentice) {
    ATTUNE_ASSIGN_OR_RETURN(decide.mode, DecisionModeFromProto(request.mode));
  }
  ATTUNE_ASSIGN_OR_RETURN(decide.readout, ReadoutFromProto(request.readout));
  const absl::Time now = options_.clock();
  if (request.previous.has_value() || traffic->on_trial()) {
    ATTUNE_RETURN_IF_ERROR(policy::Validate(decide));
  }
  if (request.previous.has_value()) {
    ATTUNE_ASSIGN_OR_RETURN(
        decide.previous,
        FindPrevious(*request.previous, policy.catalog(), candidates, now));
  }
  std::memcpy(&decide.seed, random.data() + sizeof(DecisionId),
              sizeof(decide.seed));
  decide.seed = request.seed.value_or(decide.seed);
  // A trial is about what revisions choose, and what a caller got wrong is no
  // revision's failure.
  DecisionProbe probe(apprentice ? nullptr : options_.monitor, *traffic, role);
  ATTUNE_ASSIGN_OR_RETURN(served.decision,
                          apprentice
                              ? FollowCaller(policy, decide, request.own_choice)
                              : policy.Decide(decide));

  if (!apprentice && role != TrafficRole::kNamed) {
    claims.revision_id = served.revision->id();
  }
  FillClaims(*served.revision, served.decision.choice, &claims);
  claims.issue_time = absl::FromUnixSeconds(absl::ToUnixSeconds(now));
  claims.candidates = HashOf(candidates);
  served.token = options_.signer->Sign(claims);
  served.expire_time = claims.issue_time + options_.signer->ttl();
  if (apprentice) {
    options_.metrics->CountApprentice(policy.catalog(), served.decision.choice);
  } else {
    options_.metrics->CountDecision(policy.catalog(), served.decision.choice);
  }
  probe.Succeed(policy.catalog(), served.decision.choice, decide.mode);
  if (options_.log != nullptr) LogDecision(request, role, served);
  if (options_.shadow != nullptr && traffic->shadow != nullptr &&
      role != TrafficRole::kNamed && !request.previous.has_value() &&
      !apprentice) {
    options_.shadow->Offer({.shadow = traffic->shadow,
                            .request = std::string(request.wire),
                            .decision_id = claims.decision_id,
                            .seed = decide.seed,
                            .time = claims.issue_time,
                            .user = claims.user});
  }
  return served;
}

void PromptHandler::LogDecision(const PromptRequest& request, TrafficRole role,
                                const ServedDecision& served) const {
  DecisionRecord record{.decision_id = served.claims.decision_id,
                        .time = served.claims.issue_time,
                        .user = served.claims.user};
  thread_local std::string bytes;
  bytes.clear();
  AppendRecord({.revision = *served.revision,
                .decision = served.decision,
                .candidates = request.candidates.items(),
                .mode = request.mode,
                .role = role,
                .request = options_.log->keeps_requests() ? request.wire
                                                          : std::string_view()},
               &bytes);
  record.bytes = bytes;
  options_.log->Enqueue(std::move(record));
}

absl::Status PromptHandler::Answer(std::string_view wire, std::string* out,
                                   PromptFacts* facts) const {
  thread_local PromptRequest request;
  ATTUNE_RETURN_IF_ERROR(ReadPromptRequest(wire, &request));
  if (facts != nullptr) Note(request, facts);
  ATTUNE_ASSIGN_OR_RETURN(const ServedDecision served, GetPrompt(request));
  if (facts != nullptr) Note(served, facts);
  AppendResponse(served, request.candidates.items(), out);
  return absl::OkStatus();
}

absl::Status PromptHandler::PreviewPrompt(
    v1::PreviewPromptRequest& request,
    v1::PreviewPromptResponse* response) const {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto revision,
      FindRevision(request.revision(), "", *options_.registry->Traffic(),
                   TrafficRole::kActive));
  const auto history = policy::TakeItems(*request.mutable_history());
  const auto candidates = policy::TakeItems(*request.mutable_candidates());
  policy::Request preview;
  preview.history = history;
  preview.candidates = candidates;
  preview.seed = request.seed();
  ATTUNE_ASSIGN_OR_RETURN(preview.readout, ReadoutFromProto(request.readout()));
  ATTUNE_RETURN_IF_ERROR(policy::Validate(preview));
  ATTUNE_ASSIGN_OR_RETURN(
      const std::vector<int> options,
      OptionsFromProto("choice", revision->policy().catalog(),
                       request.choice()));
  ATTUNE_ASSIGN_OR_RETURN(policy::Decision decision,
                          revision->policy().Preview(preview, options));
  DecisionToProto(*revision, std::move(decision), candidates, response);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const policy::Revision>>
PromptHandler::FindRevision(std::string_view revision, std::string_view policy,
                            const TrafficSnapshot& traffic,
                            TrafficRole role) const {
  auto found =
      revision.empty() ? traffic.In(role) : options_.registry->Find(revision);
  if (found == nullptr) {
    return WithReason(absl::NotFoundError("revision: not loaded"),
                      "REVISION_NOT_FOUND");
  }
  if (!policy.empty() && policy != found->manifest().policy()) {
    return WithReason(absl::NotFoundError("policy: not loaded"),
                      "POLICY_NOT_FOUND");
  }
  return found;
}

absl::StatusOr<policy::PreviousIteration> PromptHandler::FindPrevious(
    const v1::PreviousDecision& previous, const policy::Catalog& catalog,
    absl::Span<const policy::Item> candidates, absl::Time now) const {
  auto claims = options_.signer->Verify(previous.decision_token(), now);
  if (!claims.ok()) return InPrevious(claims.status());
  if (claims->candidates != HashOf(candidates)) {
    return WithReason(
        absl::FailedPreconditionError(
            "previous.decision_token: belongs to other candidates"),
        "TOKEN_FOR_OTHER_CANDIDATES");
  }
  if (claims->catalog != CatalogTag(catalog)) {
    return WithReason(
        absl::FailedPreconditionError(
            "previous.decision_token: the catalog has changed since"),
        "CATALOG_CHANGED");
  }
  policy::PreviousIteration iteration;
  ATTUNE_ASSIGN_OR_RETURN(
      iteration.ranking,
      RankingFromProto(candidates, previous.ranked_item_ids()));
  iteration.options = std::move(claims->options);
  iteration.history_length = claims->history_length;
  return iteration;
}

void SystemRandom(absl::Span<uint8_t> bytes) {
  thread_local RandomPool pool;
  pool.Take(bytes);
}

uint64_t RandomSeed() {
  std::array<uint8_t, sizeof(uint64_t)> bytes;
  SystemRandom(absl::MakeSpan(bytes));
  return std::bit_cast<uint64_t>(bytes);
}

}  // namespace attune::server
