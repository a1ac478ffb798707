// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// attune_server: see --help and docs/server.md.

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "server/config.h"
#include "server/file_io.h"
#include "server/library_logs.h"
#include "server/log.h"
#include "server/server.h"

namespace {

using attune::server::Log;
using attune::server::LogLevel;
using attune::server::ServerConfig;
using attune::server::ServerPorts;

constexpr int kExitUsage = 2;
constexpr int kExitHung = 3;
constexpr rlim_t kEnoughFiles = 16384;

std::vector<std::string> EnvironmentNames() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    names.push_back(text.substr(0, text.find('=')));
  }
  return names;
}

std::optional<std::string> Getenv(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

// Connections are limited by what is left of this (connection_limits.h).
void RaiseFileLimit() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < kEnoughFiles) {
    Log(LogLevel::kWarning, "few file descriptors",
        {{"limit", static_cast<int64_t>(limit.rlim_cur)},
         {"recommended", static_cast<int64_t>(kEnoughFiles)}});
  }
}

// A member of the line of ports; nothing if the port is none.
std::string OptionalPort(const char* name, int port) {
  return port == 0 ? "" : absl::StrCat(", \"", name, "\": ", port);
}

absl::Status ReportPorts(const ServerConfig& config, const ServerPorts& ports) {
  const std::string json = absl::StrCat(
      "{\"data_port\": ", ports.data, ", \"control_port\": ", ports.control,
      ", \"metrics_port\": ", ports.metrics,
      OptionalPort("health_port", ports.health),
      OptionalPort("console_port", ports.console), ", \"pid\": ", ::getpid(),
      "}\n");
  if (!config.port_file.empty()) {
    ATTUNE_RETURN_IF_ERROR(
        attune::server::WriteFileAtomically(config.port_file, json));
  }
  std::fputs(json.c_str(), stdout);
  std::fflush(stdout);
  Log(LogLevel::kInfo, "listening",
      {{"data_port", ports.data},
       {"control_port", ports.control},
       {"metrics_port", ports.metrics},
       {"health_port", ports.health},
       {"console_port", ports.console}});
  return absl::OkStatus();
}

// Ends the process if its shutdown hangs.
void StartWatchdog(absl::Duration limit) {
  std::thread([limit] {
    absl::SleepFor(limit);
    ::_exit(kExitHung);
  }).detach();
}

int Fail(const absl::Status& status, int code) {
  Log(LogLevel::kError, "cannot start",
      {{"error", std::string(status.message())}});
  return code;
}

int Run(const ServerConfig& config, const sigset_t& signals) {
  auto server = attune::server::Server::Start({config, nullptr});
  if (!server.ok()) return Fail(server.status(), EXIT_FAILURE);
  const absl::Status reported = ReportPorts(config, (*server)->ports());
  if (!reported.ok()) return Fail(reported, EXIT_FAILURE);
  int signal = 0;
  sigwait(&signals, &signal);
  Log(LogLevel::kInfo, "shutting down", {{"signal", signal}});
  StartWatchdog(config.drain_delay + config.shutdown_deadline +
                absl::Seconds(5));
  (*server)->Shutdown();
  server->reset();
  Log(LogLevel::kInfo, "stopped");
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  // Before any thread starts, so that all inherit it and only sigwait sees
  // them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  // Debian builds Abseil with its checks: every lock that gRPC takes is put into
  // a graph of all locks, under a lock of the whole process.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);

  const auto invocation = attune::server::LoadConfig(
      std::vector<std::string>(argv + 1, argv + argc), Getenv,
      EnvironmentNames());
  if (!invocation.ok()) return Fail(invocation.status(), kExitUsage);
  if (invocation->print.has_value()) {
    std::fputs(invocation->print->c_str(), stdout);
    return EXIT_SUCCESS;
  }
  attune::server::SetLogLevel(invocation->config.log_level);
  attune::server::CaptureLibraryLogs();
  for (const std::string& name : invocation->unknown_variables) {
    Log(LogLevel::kWarning, "environment variable is no setting",
        {{"variable", name}});
  }
  RaiseFileLimit();
  return Run(invocation->config, signals);
}
