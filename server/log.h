// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LOG_H_
#define ATTUNE_SERVER_LOG_H_

// Logs to stderr, one JSON object a line: time, level, message and the fields.
// Nothing that a user sent is logged at info or above. Thread-safe.
//
// Example:
//   Log(LogLevel::kInfo, "revision active", {{"revision", id}});

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace attune::server {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

struct LogField {
  LogField(const char* key, std::string_view value)
      : key(key), value(std::string(value)) {}
  LogField(const char* key, const std::string& value)
      : key(key), value(value) {}
  LogField(const char* key, const char* value)
      : key(key), value(std::string(value)) {}
  LogField(const char* key, int64_t value) : key(key), value(value) {}
  LogField(const char* key, int value) : key(key), value(int64_t{value}) {}
  LogField(const char* key, double value) : key(key), value(value) {}

  const char* key;
  std::variant<std::string, int64_t, double> value;
};

void Log(LogLevel level, std::string_view message,
         const std::vector<LogField>& fields = {});

// The line that Log writes, without the time. Invalid UTF-8 is replaced.
std::string LogLine(LogLevel level, std::string_view message,
                    const std::vector<LogField>& fields);

void SetLogLevel(LogLevel level);

// "debug", "info", "warning", "error" or "off".
absl::StatusOr<LogLevel> ParseLogLevel(std::string_view name);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LOG_H_
