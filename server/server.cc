// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/server.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/catalog.h"
#include "policy/revision.h"
#include "policy/status_macros.h"
#include "server/decision_token.h"
#include "server/file_io.h"
#include "server/listener.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/metrics_endpoint.h"
#include "server/policy_handler.h"
#include "server/policy_service.h"
#include "server/prompt_handler.h"
#include "server/prompt_service.h"
#include "server/revision_registry.h"
#include "server/upload.h"
#include "server/worker.h"

namespace attune::server {
namespace {

constexpr int kMaxCatalogBytes = 256 << 10;
constexpr int kMaxKeyBytes = 4096;
// A thousand history items with genres and the longest titles.
constexpr int kMaxDataMessageBytes = 4 << 20;
constexpr int kMaxControlMessageBytes = 2 << 20;
constexpr int kMaxDataStreams = 256;
constexpr int kMaxControlStreams = 16;
constexpr int64_t kMaxCalls = 1 << 20;

absl::StatusOr<std::shared_ptr<const policy::Revision>> MakeUniform(
    const ServerConfig& config) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string path, FindCatalog(config));
  ATTUNE_ASSIGN_OR_RETURN(const std::string yaml,
                          ReadSmallFile(path, kMaxCatalogBytes));
  auto catalog = policy::Catalog::Parse(yaml);
  if (!catalog.ok()) {
    return absl::Status(catalog.status().code(),
                        absl::StrCat(path, ": ", catalog.status().message()));
  }
  return policy::Revision::Uniform(*std::move(catalog), config.readout);
}

absl::StatusOr<std::string> ReadKey(const std::string& path) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string bytes,
                          ReadSmallFile(path, kMaxKeyBytes));
  auto key = ParseTokenKey(bytes);
  if (key.ok()) return key;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", key.status().message()));
}

absl::StatusOr<TokenSigner> MakeSigner(const ServerConfig& config) {
  TokenSigner::Options options;
  options.ttl = config.token_ttl;
  if (config.token_key_file.empty()) {
    Log(LogLevel::kWarning,
        "no token_key_file: a random key, so that tokens end with this process "
        "and no other server accepts them");
    std::vector<uint8_t> key(kMinTokenKeyBytes);
    SystemRandom(absl::MakeSpan(key));
    options.key.assign(key.begin(), key.end());
  } else {
    ATTUNE_ASSIGN_OR_RETURN(options.key, ReadKey(config.token_key_file));
  }
  if (!config.token_previous_key_file.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(options.previous_key,
                            ReadKey(config.token_previous_key_file));
  }
  return TokenSigner::Create(std::move(options));
}

Admission::Options AdmissionOf(const ServerConfig& config) {
  return {.threads = static_cast<int>(
              std::max(1U, std::thread::hardware_concurrency())),
          .max_wait = config.max_wait,
          .max_calls =
              static_cast<int>(std::min<int64_t>(config.max_calls, kMaxCalls))};
}

}  // namespace

// Members in the order of their construction: what is borrowed comes first.
struct Server::Impl {
  Impl(const ServerConfig& config, TokenSigner signer,
       std::unique_ptr<RevisionRegistry> registry,
       std::function<absl::Time()> clock)
      : config(config),
        signer(std::move(signer)),
        registry(std::move(registry)),
        metrics([this] { return this->registry->Current()->id(); }),
        uploads(this->registry->incoming_directory(),
                config.max_revision_bytes),
        prompt_handler({this->registry.get(), &this->signer, &metrics,
                        std::move(clock), SystemRandom}),
        policy_handler(this->registry.get(), &uploads, &metrics),
        prompt_service(&prompt_handler, &metrics, AdmissionOf(config)),
        policy_service(&policy_handler, &worker, &metrics) {}

  absl::Status Listen();

  const ServerConfig config;
  const TokenSigner signer;
  const std::unique_ptr<RevisionRegistry> registry;
  Metrics metrics;
  UploadArea uploads;
  const PromptHandler prompt_handler;
  const PolicyHandler policy_handler;
  // A revision that arrives must not slow down the requests meanwhile.
  Worker worker{1, Worker::Priority::kBackground};
  PromptService prompt_service;
  PolicyService policy_service;
  std::unique_ptr<MetricsEndpoint> scrapes;
  std::unique_ptr<Listener> control;
  std::unique_ptr<Listener> data;
  ServerPorts ports;
  std::once_flag shutdown_once;
};

absl::Status Server::Impl::Listen() {
  ATTUNE_ASSIGN_OR_RETURN(
      scrapes,
      MetricsEndpoint::Start(config.metrics_listen, metrics.collectables()));
  ATTUNE_ASSIGN_OR_RETURN(
      control,
      Listener::Start({config.control_listen, "control_listen", &policy_service,
                       v1::PolicyService::service_full_name(),
                       kMaxControlMessageBytes, kMaxControlStreams}));
  ATTUNE_ASSIGN_OR_RETURN(
      data, Listener::Start({config.data_listen, "data_listen", &prompt_service,
                             v1::PromptService::service_full_name(),
                             kMaxDataMessageBytes, kMaxDataStreams}));
  ports = {data->port(), control->port(), scrapes->port()};
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Options options) {
  const ServerConfig& config = options.config;
  ATTUNE_ASSIGN_OR_RETURN(auto uniform, MakeUniform(config));
  ATTUNE_ASSIGN_OR_RETURN(TokenSigner signer, MakeSigner(config));
  ATTUNE_ASSIGN_OR_RETURN(
      auto registry,
      RevisionRegistry::Open({config.revision_dir, std::move(uniform),
                              static_cast<size_t>(config.max_revisions)}));
  auto clock = options.clock ? options.clock : [] { return absl::Now(); };
  std::unique_ptr<Server> server(new Server(std::make_unique<Impl>(
      config, std::move(signer), std::move(registry), std::move(clock))));
  ATTUNE_RETURN_IF_ERROR(server->impl_->Listen());
  return server;
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Shutdown(); }

const ServerPorts& Server::ports() const { return impl_->ports; }

void Server::Shutdown() {
  std::call_once(impl_->shutdown_once, [this] {
    Listener* const listeners[] = {impl_->data.get(), impl_->control.get()};
    for (Listener* listener : listeners) {
      if (listener != nullptr) listener->StopServing();
    }
    if (impl_->data != nullptr) absl::SleepFor(impl_->config.drain_delay);
    const absl::Time deadline = absl::Now() + impl_->config.shutdown_deadline;
    for (Listener* listener : listeners) {
      if (listener != nullptr) listener->Shutdown(deadline);
    }
  });
}

}  // namespace attune::server
