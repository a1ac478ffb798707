// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/caching_backend.h"

#include <spdlog/spdlog.h>

#include <optional>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/status_macros.h"

namespace attune::trainer {

absl::StatusOr<std::unique_ptr<CachingBackend>> CachingBackend::Create(
    std::unique_ptr<LlmBackend> backend, const std::string& path) {
  if (!backend->Cacheable()) {
    return absl::InvalidArgumentError(
        "reward cache: the backend's answers are not to be cached");
  }
  ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<SqliteCache> cache,
                          SqliteCache::Open(path));
  return std::make_unique<CachingBackend>(std::move(backend), std::move(cache));
}

CachingBackend::CachingBackend(std::unique_ptr<LlmBackend> backend,
                               std::unique_ptr<SqliteCache> cache)
    : backend_(std::move(backend)),
      cache_(std::move(cache)),
      identity_(backend_->Identity()) {}

std::string CachingBackend::Key(const LlmRequest& request) const {
  const std::string seed =
      backend_->Samples() ? absl::StrCat(request.seed) : std::string();
  // Lengths in front: no two different triples give the same bytes.
  return policy::Sha256(absl::StrCat(identity_.size(), ":", identity_,
                                     seed.size(), ":", seed,
                                     request.prompt->CanonicalBytes()));
}

std::vector<absl::StatusOr<LlmAnswer>> CachingBackend::Answer(
    absl::Span<const LlmRequest> requests) {
  std::vector<absl::StatusOr<LlmAnswer>> answers(
      requests.size(), absl::InternalError("not answered"));
  std::vector<LlmRequest> misses;
  std::vector<std::string> miss_keys;
  std::unordered_map<std::string, size_t> miss_of;  // key to index in misses
  // Requests that wait for a miss: their indices and the miss's.
  std::vector<std::pair<size_t, size_t>> waiting;
  for (size_t i = 0; i < requests.size(); ++i) {
    std::string key = Key(requests[i]);
    absl::StatusOr<std::optional<LlmAnswer>> found = cache_->Get(key);
    if (!found.ok()) {
      spdlog::warn("{}; asking the LLM", found.status().ToString());
    } else if (found->has_value()) {
      answers[i] = std::move(**found);
      ++hits_;
      continue;
    }
    const auto [it, is_new] = miss_of.emplace(key, misses.size());
    waiting.emplace_back(i, it->second);
    if (!is_new) continue;
    misses.push_back(requests[i]);
    miss_keys.push_back(std::move(key));
  }
  if (misses.empty()) return answers;

  const std::vector<absl::StatusOr<LlmAnswer>> asked = backend_->Answer(misses);
  misses_ += static_cast<int64_t>(misses.size());
  hits_ += static_cast<int64_t>(waiting.size() - misses.size());
  std::vector<bool> paid(misses.size(), false);
  for (const auto& [request, miss] : waiting) {
    answers[request] = asked[miss];
    if (paid[miss] && answers[request].ok()) answers[request]->usage = Usage();
    paid[miss] = true;
  }
  std::vector<std::pair<std::string, const LlmAnswer*>> stored;
  for (size_t k = 0; k < asked.size(); ++k) {
    if (asked[k].ok()) stored.emplace_back(miss_keys[k], &*asked[k]);
  }
  const absl::Status status = cache_->Put(stored);
  if (!status.ok()) {
    spdlog::warn("{}; answers are not kept", status.ToString());
  }
  return answers;
}

}  // namespace attune::trainer
