// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_CACHING_BACKEND_H_
#define ATTUNE_TRAINER_CACHING_BACKEND_H_

// The reward cache: what an LLM was asked once is not asked again.
//
// The key is the SHA-256 of the backend's Identity(), the seed if it samples,
// and the prompt's CanonicalBytes(). Only answers are kept, never failures. A
// cache that cannot be read or written costs calls, not answers: it logs a
// warning and asks the LLM.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "trainer/llm_backend.h"
#include "trainer/sqlite_cache.h"

namespace attune::trainer {

// Thread-compatible.
class CachingBackend final : public LlmBackend {
 public:
  // Errors of SqliteCache::Open; kInvalidArgument if the backend's answers must
  // not be cached.
  static absl::StatusOr<std::unique_ptr<CachingBackend>> Create(
      std::unique_ptr<LlmBackend> backend, const std::string& path);

  CachingBackend(std::unique_ptr<LlmBackend> backend,
                 std::unique_ptr<SqliteCache> cache);

  // As the backend's. A hit's usage is zero; a prompt that is there twice is
  // asked once, and the first one pays.
  std::vector<absl::StatusOr<LlmAnswer>> Answer(
      absl::Span<const LlmRequest> requests) override;

  std::string Identity() const override { return backend_->Identity(); }
  std::string SharedIdentity() const override {
    return backend_->SharedIdentity();
  }
  bool Cacheable() const override { return backend_->Cacheable(); }
  bool Samples() const override { return backend_->Samples(); }
  std::vector<std::pair<std::string, double>> Metrics() const override {
    return backend_->Metrics();
  }

  LlmBackend& backend() { return *backend_; }
  // Requests that the cache, or an equal request beside them, answered; and
  // those that the backend was asked.
  int64_t hits() const { return hits_; }
  int64_t misses() const { return misses_; }

 private:
  std::string Key(const LlmRequest& request) const;

  const std::unique_ptr<LlmBackend> backend_;
  const std::unique_ptr<SqliteCache> cache_;
  const std::string identity_;
  int64_t hits_ = 0;
  int64_t misses_ = 0;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_CACHING_BACKEND_H_
