// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LOG_SERVICE_H_
#define ATTUNE_SERVER_LOG_SERVICE_H_

// LogService over gRPC: listing runs on the worker, erasing on the log's own
// thread; maps the status and counts. Thread-safe; borrows what it is given.

#include "attune/v1/log_service.grpc.pb.h"
#include "server/log_handler.h"
#include "server/metrics.h"
#include "server/worker.h"

namespace attune::server {

// Both methods take raw bytes; see parse_request.h.
using LogServiceBase = v1::LogService::WithRawCallbackMethod_ListDecisions<
    v1::LogService::WithRawCallbackMethod_ForgetUser<v1::LogService::Service>>;

class LogService final : public LogServiceBase {
 public:
  LogService(const LogHandler* handler, Worker* worker, Metrics* metrics)
      : handler_(*handler), worker_(*worker), metrics_(*metrics) {}

  grpc::ServerUnaryReactor* ListDecisions(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ForgetUser(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;

 private:
  const LogHandler& handler_;
  Worker& worker_;
  Metrics& metrics_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LOG_SERVICE_H_
