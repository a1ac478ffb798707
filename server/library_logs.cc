// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/library_logs.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <string>

#include "server/log.h"

namespace attune::server {
namespace {

void LogGrpc(gpr_log_func_args* args) {
  Log(LogLevel::kDebug, args->message, {{"library", "grpc"}});
}

void LogProtobuf(google::protobuf::LogLevel, const char*, int,
                 const std::string& message) {
  Log(LogLevel::kDebug, message, {{"library", "protobuf"}});
}

}  // namespace

void CaptureLibraryLogs() {
  gpr_set_log_function(LogGrpc);
  google::protobuf::SetLogHandler(LogProtobuf);
}

}  // namespace attune::server
