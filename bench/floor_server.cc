// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The floor of bench/serving.py: behind the listener of attune_server, a
// handler that returns a constant answer of a real one's size. Prints its port
// as attune_server does; ends when its standard input does.
//
//   floor_server ANSWER_FILE [raw]
//
// Without `raw`, gRPC parses the request and serializes the answer, as for any
// handler that is written the usual way; with it the handler takes and returns
// bytes and looks at none.

#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "attune/v1/prompt_service.grpc.pb.h"
#include "bench/floor_listener.h"

namespace attune::bench {
namespace {

class TypedFloor final : public v1::PromptService::WithCallbackMethod_GetPrompt<
                             v1::PromptService::Service> {
 public:
  explicit TypedFloor(const std::string& answer) {
    answer_.ParseFromString(answer);
  }

 private:
  grpc::ServerUnaryReactor* GetPrompt(
      grpc::CallbackServerContext* context, const v1::GetPromptRequest*,
      v1::GetPromptResponse* response) override {
    *response = answer_;
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  v1::GetPromptResponse answer_;
};

class RawFloor final
    : public v1::PromptService::WithRawCallbackMethod_GetPrompt<
          v1::PromptService::Service> {
 public:
  explicit RawFloor(const std::string& answer) : answer_(answer) {}

 private:
  grpc::ServerUnaryReactor* GetPrompt(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer*,
                                      grpc::ByteBuffer* response) override {
    grpc::Slice slice(answer_);
    *response = grpc::ByteBuffer(&slice, 1);
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  const std::string answer_;
};

int Main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::ifstream in(argv[1], std::ios::binary);
  const std::string answer{std::istreambuf_iterator<char>(in), {}};
  std::unique_ptr<grpc::Service> service;
  if (argc > 2 && std::strcmp(argv[2], "raw") == 0) {
    service = std::make_unique<RawFloor>(answer);
  } else {
    service = std::make_unique<TypedFloor>(answer);
  }
  server::ConnectionStats connections;
  auto listener = StartFloor(service.get(), &connections);
  if (!listener.ok()) return 1;
  std::printf("{\"data_port\": %d}\n", (*listener)->port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  (*listener)->Shutdown(absl::Now());
  return 0;
}

}  // namespace
}  // namespace attune::bench

int main(int argc, char** argv) { return attune::bench::Main(argc, argv); }
