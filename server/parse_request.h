// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PARSE_REQUEST_H_
#define ATTUNE_SERVER_PARSE_REQUEST_H_

// From the bytes of a call to a message and back. We do this ourselves, because
// gRPC answers a request that Protobuf cannot parse (a string that is not
// UTF-8) with an UNIMPLEMENTED that says nothing. Pure functions; safe to call
// from any thread.
//
// Example:
//   absl::Status status = AnswerBytes<v1::PreviewPromptRequest,
//                                     v1::PreviewPromptResponse>(
//       *in, out, [&](auto& request, auto* response) { ... });

#include <google/protobuf/arena.h>
#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/parse_message.h"

namespace attune::server {

// kInvalidArgument names the field that is not valid UTF-8.
absl::Status ParseRequest(const grpc::ByteBuffer& bytes,
                          google::protobuf::Message* message);

// All of the buffer's bytes. Points into the buffer, or into `scratch` if they
// are in several pieces.
std::string_view Flatten(const grpc::ByteBuffer& bytes, std::string* scratch);

// Puts a copy of `bytes` into the buffer.
void FillBuffer(std::string_view bytes, grpc::ByteBuffer* buffer);

absl::Status SerializeResponse(const google::protobuf::Message& message,
                               grpc::ByteBuffer* bytes);

// Parses, calls `handler(request, response)` and serializes, on one arena.
template <typename Request, typename Response, typename Handler>
absl::Status AnswerBytes(const grpc::ByteBuffer& in, grpc::ByteBuffer* out,
                         const Handler& handler) {
  google::protobuf::Arena arena;
  auto* request = google::protobuf::Arena::CreateMessage<Request>(&arena);
  auto* response = google::protobuf::Arena::CreateMessage<Response>(&arena);
  absl::Status status = ParseRequest(in, request);
  if (status.ok()) status = handler(*request, response);
  if (status.ok()) status = SerializeResponse(*response, out);
  return status;
}

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PARSE_REQUEST_H_
