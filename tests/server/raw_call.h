// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_RAW_CALL_H_
#define ATTUNE_TESTS_SERVER_RAW_CALL_H_

// Calls any RPC with any bytes as its messages. On the wire every RPC is a
// stream of messages each way, so one function does for all kinds.

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <string>
#include <vector>

namespace attune::server {

// Sends `messages` to `method` ("/attune.v1.PromptService/GetPrompt"), reads at
// most `max_answers`, cancels if there are more, and returns the status. Blocks,
// for half a minute at most.
inline grpc::Status RawCall(grpc::GenericStub& stub, const std::string& method,
                            const std::vector<std::string>& messages,
                            int max_answers) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(30));
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, method, &queue);
  void* tag = nullptr;
  bool ok = false;
  // Waits for the one operation that is under way.
  const auto done = [&] { return queue.Next(&tag, &ok) && ok; };
  call->StartCall(&tag);
  bool open = done();
  for (size_t i = 0; open && i < messages.size(); ++i) {
    const grpc::Slice slice(messages[i]);
    call->Write(grpc::ByteBuffer(&slice, 1), &tag);
    open = done();
  }
  if (open) {
    call->WritesDone(&tag);
    done();
  }
  // A server that has heard enough refuses the rest, and may have answered: the
  // status comes after the answers are read.
  bool more = true;
  for (int i = 0; more && i < max_answers; ++i) {
    grpc::ByteBuffer answer;
    call->Read(&answer, &tag);
    more = done();
  }
  if (more) context.TryCancel();
  grpc::Status status;
  call->Finish(&status, &tag);
  done();
  return status;
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_RAW_CALL_H_
