// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/scaled_out.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "redis/endpoint.h"
#include "server/log.h"
#include "server/redis_metrics.h"

namespace attune::server {
namespace {

// How long a server without anything to serve waits for what the others have.
constexpr absl::Duration kFirstCatchUp = absl::Seconds(5);
constexpr absl::Duration kBetweenTries = absl::Milliseconds(200);

std::string HostName() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "server";
}

}  // namespace

absl::StatusOr<std::unique_ptr<ScaledOut>> ScaledOut::Create(
    const ServerConfig& config) {
  if (config.redis_url.empty()) {
    if (!config.redis_password_file.empty()) {
      return absl::InvalidArgumentError("redis_password_file: needs redis_url");
    }
    return std::unique_ptr<ScaledOut>();
  }
  auto endpoint = redis::ParseUrl(config.redis_url);
  if (!endpoint.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("redis_url: ", endpoint.status().message()));
  }
  RedisSettings settings = {
      .connection = {.endpoint = *std::move(endpoint)},
      .password_file = config.redis_password_file,
      .prefix = config.redis_prefix,
      .replica = config.replica.empty()
                     ? absl::StrCat(HostName(), ":", getpid())
                     : config.replica,
      .max_stream_records = config.redis_max_records};
  Log(LogLevel::kInfo, "shares redis with other servers",
      {{"redis", settings.connection.endpoint.Name()},
       {"prefix", settings.prefix},
       {"replica", settings.replica}});
  return std::unique_ptr<ScaledOut>(new ScaledOut(std::move(settings)));
}

ScaledOut::ScaledOut(RedisSettings settings)
    : settings_(std::move(settings)),
      store_(settings_, &stats_),
      metrics_(MakeRedisMetrics(&stats_)) {}

void ScaledOut::Start(RevisionRegistry* registry, UploadArea* uploads,
                      const DecisionLog* log,
                      std::function<absl::Time()> clock) {
  follower_ = std::make_unique<Follower>(
      Follower::Options{settings_, &stats_, registry, uploads});
  CatchUp(*registry);
  follower_->Start();
  if (log == nullptr) return;
  deliverer_ = std::make_unique<Deliverer>(
      Deliverer::Options{settings_, &stats_, log, std::move(clock)});
  deliverer_->Start();
}

void ScaledOut::CatchUp(const RevisionRegistry& registry) {
  const absl::Time deadline = absl::Now() + kFirstCatchUp;
  while (!follower_->CatchUp().ok() && registry.State().sequence == 0 &&
         absl::Now() < deadline) {
    absl::SleepFor(kBetweenTries);
  }
}

void ScaledOut::Stop(absl::Duration limit) {
  if (follower_ != nullptr) follower_->BeginStop();
  if (deliverer_ != nullptr) deliverer_->Stop(limit);
  if (follower_ != nullptr) follower_->Stop();
}

}  // namespace attune::server
