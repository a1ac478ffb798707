// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/server.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/catalog.h"
#include "policy/revision.h"
#include "policy/revision_signature.h"
#include "policy/status_macros.h"
#include "server/caller_quota.h"
#include "server/connection_limits.h"
#include "server/connection_metrics.h"
#include "server/console.h"
#include "server/decision_log.h"
#include "server/decision_token.h"
#include "server/feedback.h"
#include "server/feedback_health.h"
#include "server/file_io.h"
#include "server/guardrail_monitor.h"
#include "server/health_endpoint.h"
#include "server/listener.h"
#include "server/log.h"
#include "server/log_handler.h"
#include "server/log_metrics.h"
#include "server/log_service.h"
#include "server/metrics.h"
#include "server/metrics_endpoint.h"
#include "server/pace.h"
#include "server/policy_handler.h"
#include "server/policy_service.h"
#include "server/prompt_handler.h"
#include "server/prompt_service.h"
#include "server/revision_registry.h"
#include "server/scaled_out.h"
#include "server/shadow.h"
#include "server/token_keys.h"
#include "server/traces.h"
#include "server/traffic_metrics.h"
#include "server/transport_security.h"
#include "server/upload.h"
#include "server/worker.h"

namespace attune::server {
namespace {

constexpr int kMaxCatalogBytes = 256 << 10;
constexpr int kMaxKeyFileBytes = 64 << 10;
// A thousand history items with genres and the longest titles.
constexpr int kMaxDataMessageBytes = 4 << 20;
constexpr int kMaxControlMessageBytes = 2 << 20;
constexpr int64_t kMaxCalls = 1 << 20;
constexpr int64_t kMinLogBytes = 1 << 20;
// Time for the spans that wait when the server stops.
constexpr absl::Duration kLastSpans = absl::Seconds(1);

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

// Nothing if revisions need no signature.
absl::StatusOr<std::optional<policy::TrustedKeys>> ReadTrustedKeys(
    const std::string& path) {
  if (path.empty()) return std::optional<policy::TrustedKeys>();
  ATTUNE_ASSIGN_OR_RETURN(const std::string pem,
                          ReadSmallFile(path, kMaxKeyFileBytes));
  auto keys = policy::TrustedKeys::FromPem(pem);
  if (keys.ok()) {
    Log(LogLevel::kInfo, "revisions need a signature",
        {{"trusted_keys", static_cast<int64_t>(keys->size())}});
    return *std::move(keys);
  }
  return absl::Status(keys.status().code(),
                      absl::StrCat(path, ": ", keys.status().message()));
}

// Empty if nothing is logged.
std::string LogDirectory(const ServerConfig& config) {
  if (config.log_dir == "off") return "";
  return config.log_dir.empty() ? config.revision_dir + "/log" : config.log_dir;
}

// What says who decided what is for us alone.
absl::Status MakePrivateDirectory(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return absl::OkStatus();
  ATTUNE_RETURN_IF_ERROR(MakeDirectories(path));
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  return absl::OkStatus();
}

// Null if nothing is logged.
absl::StatusOr<std::unique_ptr<DecisionLog>> OpenLog(
    const ServerConfig& config, std::function<absl::Time()> clock,
    std::function<void(bool)> on_health) {
  if (config.feedback_window > config.log_retention) {
    return absl::InvalidArgumentError(
        "feedback_window: must not be longer than log_retention");
  }
  const std::string directory = LogDirectory(config);
  if (directory.empty()) return std::unique_ptr<DecisionLog>();
  DecisionLog::Options options;
  options.store.path = directory + "/decisions.db";
  options.store.max_bytes = std::max(config.log_max_bytes, kMinLogBytes);
  options.store.retention = config.log_retention;
  options.store.feedback_window = config.feedback_window;
  options.keep_requests = config.log_requests;
  options.clock = std::move(clock);
  options.on_health = std::move(on_health);
  return DecisionLog::Open(std::move(options));
}

// Null if nobody is to watch canaries.
std::unique_ptr<GuardrailMonitor> MakeMonitor(const ServerConfig& config,
                                              RevisionRegistry* registry) {
  if (!config.guardrails) return nullptr;
  return std::make_unique<GuardrailMonitor>(
      GuardrailMonitor::Options{.registry = registry});
}

std::function<void(const DecisionClaims&, float)> RewardObserver(
    GuardrailMonitor* monitor) {
  if (monitor == nullptr) return nullptr;
  return [monitor](const DecisionClaims& claims, float reward) {
    monitor->ObserveReward(claims.user, claims.decision_id, claims.revision_id,
                           reward);
  };
}

int ToInt(int64_t calls) {
  return static_cast<int>(std::min<int64_t>(calls, kMaxCalls));
}

Admission::Options AdmissionOf(const ServerConfig& config) {
  return {.threads = static_cast<int>(
              std::max(1U, std::thread::hardware_concurrency())),
          .max_wait = config.max_wait,
          .max_calls = ToInt(config.max_calls)};
}

}  // namespace

// Members in the order of their construction: what is borrowed comes first.
struct Server::Impl {
  // What can fail to come up, and is borrowed by the rest.
  struct Parts {
    ServerConfig config;
    TokenSigner signer;
    // Null if the server shares nothing with others.
    std::unique_ptr<ScaledOut> scaled_out;
    std::unique_ptr<RevisionRegistry> registry;
    std::unique_ptr<FeedbackHealth> feedback_health;
    std::unique_ptr<DecisionLog> log;
    std::unique_ptr<TransportSecurity> security;
    // Null without tracing.
    std::unique_ptr<Traces> traces;
    std::function<absl::Time()> clock;
  };

  explicit Impl(Parts given)
      : parts(std::move(given)),
        metrics([this] { return parts.registry->Current()->id(); }),
        uploads(parts.registry->incoming_directory(),
                parts.config.max_revision_bytes),
        pace(parts.config.push_bytes_per_second),
        monitor(MakeMonitor(parts.config, parts.registry.get())),
        shadow(parts.log == nullptr
                   ? nullptr
                   : std::make_unique<ShadowRunner>(
                         ShadowRunner::Options{parts.log.get(), SystemRandom})),
        prompt_handler({parts.registry.get(), &parts.signer, &metrics,
                        parts.clock, SystemRandom, parts.log.get(),
                        monitor.get(), shadow.get()}),
        feedback_handler({&parts.signer, parts.log.get(),
                          parts.config.feedback_window, parts.clock,
                          RewardObserver(monitor.get())}),
        policy_handler(parts.registry.get(), &uploads, &pace, &metrics),
        log_handler(parts.log.get(), &parts.signer),
        quota(ToInt(parts.config.max_calls_per_caller), RandomSeed()),
        prompt_service(&prompt_handler, &feedback_handler, &quota, &metrics,
                       TracerOf(parts.traces.get()), AdmissionOf(parts.config)),
        policy_service(&policy_handler, &worker, &push_worker, &metrics,
                       TracerOf(parts.traces.get())),
        log_service(&log_handler, &worker, &metrics) {}

  absl::Status Listen();

  Parts parts;
  Metrics metrics;
  UploadArea uploads;
  Pace pace;
  // Null if nobody watches canaries.
  std::unique_ptr<GuardrailMonitor> monitor;
  // Null if nothing is logged: a shadow would say nothing to anybody.
  std::unique_ptr<ShadowRunner> shadow;
  const PromptHandler prompt_handler;
  const FeedbackHandler feedback_handler;
  const PolicyHandler policy_handler;
  const LogHandler log_handler;
  // What changes the traffic must not slow down the requests meanwhile, and what
  // arrives neither that.
  Worker worker{1, ThreadClass::kBackground};
  Worker push_worker{1, ThreadClass::kBackground};
  CallerQuota quota;
  PromptService prompt_service;
  PolicyService policy_service;
  LogService log_service;
  // The endpoint holds it weakly.
  std::shared_ptr<prometheus::Collectable> log_metrics;
  std::shared_ptr<prometheus::Collectable> traffic_metrics;
  std::shared_ptr<prometheus::Collectable> connection_metrics;
  ConnectionStats control_connections;
  ConnectionStats data_connections;
  // Both gRPC listeners listen, and the server does not drain.
  std::atomic<bool> serving{false};
  std::unique_ptr<MetricsEndpoint> scrapes;
  // Null if nobody asked for one.
  std::unique_ptr<HttpEndpoint> health;
  std::unique_ptr<Listener> control;
  std::unique_ptr<Listener> data;
  // Null if nobody asked for one.
  std::unique_ptr<Console> console;
  ServerPorts ports;
  std::once_flag shutdown_once;
};

absl::Status Server::Impl::Listen() {
  const ServerConfig& config = parts.config;
  ATTUNE_ASSIGN_OR_RETURN(const ConnectionLimits data_limits,
                          DataLimits(config, DescriptorLimit()));
  auto collectables = metrics.collectables();
  for (auto& collectable : parts.security->collectables()) {
    collectables.push_back(std::move(collectable));
  }
  connection_metrics = MakeConnectionMetrics(
      {{"control", &control_connections}, {"data", &data_connections}});
  collectables.push_back(connection_metrics);
  traffic_metrics =
      MakeTrafficMetrics(parts.registry.get(), monitor.get(), shadow.get());
  collectables.push_back(traffic_metrics);
  if (parts.log != nullptr) {
    log_metrics = MakeLogMetrics(parts.log.get());
    collectables.push_back(log_metrics);
  }
  if (parts.scaled_out != nullptr) {
    collectables.push_back(parts.scaled_out->metrics());
    parts.scaled_out->Start(parts.registry.get(), &uploads, parts.log.get(),
                            parts.clock);
  }
  if (parts.traces != nullptr) {
    collectables.push_back(parts.traces->metrics());
  }
  ATTUNE_ASSIGN_OR_RETURN(
      scrapes, MetricsEndpoint::Start(config.metrics_listen, collectables));
  if (!config.health_listen.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(
        health, StartHealthEndpoint(config.health_listen,
                                    [this] { return serving.load(); }));
  }
  if (!config.console_listen.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(
        console, Console::Start({config.console_listen, parts.registry.get(),
                                 collectables}));
  }
  ATTUNE_ASSIGN_OR_RETURN(
      control, Listener::Start(
                   {config.control_listen,
                    "control_listen",
                    {{&log_service, v1::LogService::service_full_name()},
                     {&policy_service, v1::PolicyService::service_full_name()}},
                    kMaxControlMessageBytes,
                    ControlLimits(config),
                    &control_connections,
                    parts.security->transport()}));
  ATTUNE_ASSIGN_OR_RETURN(
      data, Listener::Start(
                {config.data_listen,
                 "data_listen",
                 {{&prompt_service, v1::PromptService::service_full_name()}},
                 kMaxDataMessageBytes,
                 data_limits,
                 &data_connections,
                 parts.security->transport()}));
  if (parts.log != nullptr) parts.feedback_health->TellThrough(data.get());
  ports = {data->port(), control->port(), scrapes->port(),
           health == nullptr ? 0 : health->port(),
           console == nullptr ? 0 : console->port()};
  serving = true;
  pace.Start();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Options options) {
  const ServerConfig& config = options.config;
  auto clock = options.clock ? options.clock : [] { return absl::Now(); };
  ATTUNE_ASSIGN_OR_RETURN(auto security,
                          TransportSecurity::Create(config, clock));
  ATTUNE_ASSIGN_OR_RETURN(auto traces, Traces::Create(config, clock));
  ATTUNE_ASSIGN_OR_RETURN(auto uniform, MakeUniform(config));
  const std::string log_dir = LogDirectory(config);
  if (!log_dir.empty()) ATTUNE_RETURN_IF_ERROR(MakePrivateDirectory(log_dir));
  ATTUNE_ASSIGN_OR_RETURN(TokenSigner signer, MakeSigner(config, log_dir));
  ATTUNE_ASSIGN_OR_RETURN(auto trusted_keys,
                          ReadTrustedKeys(config.trusted_keys_file));
  ATTUNE_ASSIGN_OR_RETURN(auto scaled_out, ScaledOut::Create(config));
  ATTUNE_ASSIGN_OR_RETURN(
      auto registry,
      RevisionRegistry::Open(
          {config.revision_dir, std::move(uniform),
           static_cast<size_t>(config.max_revisions), clock,
           std::move(trusted_keys),
           scaled_out == nullptr ? nullptr : scaled_out->store()}));
  auto health = std::make_unique<FeedbackHealth>();
  ATTUNE_ASSIGN_OR_RETURN(
      auto log, OpenLog(config, clock, [health = health.get()](bool healthy) {
        health->Set(healthy);
      }));
  std::unique_ptr<Server> server(new Server(std::make_unique<Impl>(
      Impl::Parts{config, std::move(signer), std::move(scaled_out),
                  std::move(registry), std::move(health), std::move(log),
                  std::move(security), std::move(traces), std::move(clock)})));
  ATTUNE_RETURN_IF_ERROR(server->impl_->Listen());
  return server;
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Shutdown(); }

const ServerPorts& Server::ports() const { return impl_->ports; }

void Server::Shutdown() {
  std::call_once(impl_->shutdown_once, [this] {
    impl_->serving = false;
    Listener* const listeners[] = {impl_->data.get(), impl_->control.get()};
    for (Listener* listener : listeners) {
      if (listener != nullptr) listener->StopServing();
    }
    // Nobody who watches keeps the server from stopping.
    impl_->parts.registry->feed().Close();
    if (impl_->data != nullptr) absl::SleepFor(impl_->parts.config.drain_delay);
    impl_->pace.Stop();
    const absl::Time deadline =
        absl::Now() + impl_->parts.config.shutdown_deadline;
    for (Listener* listener : listeners) {
      if (listener != nullptr) listener->Shutdown(deadline);
    }
    // No call is left that could write to it.
    impl_->parts.feedback_health->TellThrough(nullptr);
    // A scrape may still ask it.
    if (impl_->shadow != nullptr) impl_->shadow->Stop();
    if (impl_->parts.log != nullptr) impl_->parts.log->Stop();
    if (impl_->parts.scaled_out != nullptr) {
      impl_->parts.scaled_out->Stop(
          std::max(deadline - absl::Now(), absl::ZeroDuration()));
    }
    if (impl_->parts.traces != nullptr) {
      impl_->parts.traces->Stop(kLastSpans);
    }
  });
}

}  // namespace attune::server
