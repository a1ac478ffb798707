// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace attune::server {
namespace {

constexpr const char* kLevelNames[] = {"debug", "info", "warning", "error",
                                       "off"};
constexpr spdlog::level::level_enum kLevels[] = {
    spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
    spdlog::level::err, spdlog::level::off};

spdlog::logger& Logger() {
  // Never destroyed: threads of libraries may log while the process exits.
  static spdlog::logger* const logger = [] {
    auto* made = new spdlog::logger(
        "attune", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::info);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *logger;
}

nlohmann::ordered_json LineOf(LogLevel level, std::string_view message,
                              const std::vector<LogField>& fields) {
  nlohmann::ordered_json line;
  line["level"] = kLevelNames[static_cast<int>(level)];
  line["message"] = message;
  for (const LogField& field : fields) {
    std::visit([&](const auto& value) { line[field.key] = value; },
               field.value);
  }
  return line;
}

std::string Dump(const nlohmann::ordered_json& line) {
  return line.dump(-1, ' ', false,
                   nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::string LogLine(LogLevel level, std::string_view message,
                    const std::vector<LogField>& fields) {
  return Dump(LineOf(level, message, fields));
}

void Log(LogLevel level, std::string_view message,
         const std::vector<LogField>& fields) {
  const auto spdlog_level = kLevels[static_cast<int>(level)];
  if (!Logger().should_log(spdlog_level)) return;
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(),
                                  absl::UTCTimeZone());
  line.update(LineOf(level, message, fields));
  Logger().log(spdlog_level, "{}", Dump(line));
}

void SetLogLevel(LogLevel level) {
  Logger().set_level(kLevels[static_cast<int>(level)]);
}

absl::StatusOr<LogLevel> ParseLogLevel(std::string_view name) {
  for (int i = 0; i < 5; ++i) {
    if (name == kLevelNames[i]) return static_cast<LogLevel>(i);
  }
  return absl::InvalidArgumentError(
      "log_level: must be debug, info, warning, error or off");
}

}  // namespace attune::server
