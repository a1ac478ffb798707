// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "bench/raw_calls.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "bench/connection.h"
#include "server/parse_request.h"
#include "server/wire.h"

namespace attune::bench {
namespace {

using Stub = grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>;

constexpr char kGetPrompt[] = "/attune.v1.PromptService/GetPrompt";
constexpr char kStreamPrompts[] = "/attune.v1.PromptService/StreamPrompts";

// What all callers count.
struct Tally {
  std::atomic<bool> stop = false;
  std::atomic<int64_t> answered = 0;
  std::atomic<int64_t> failed = 0;
};

grpc::ByteBuffer BufferOf(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

class UnaryCaller {
 public:
  UnaryCaller(const RawOptions& options,
              const std::vector<grpc::ByteBuffer>& requests, Tally* tally,
              std::latch* done)
      : requests_(requests),
        stub_(OwnConnection(options.port)),
        tally_(*tally),
        done_(*done) {
    Next();
  }

 private:
  void Next() {
    if (tally_.stop) return done_.count_down();
    context_ = std::make_unique<grpc::ClientContext>();
    stub_.UnaryCall(context_.get(), kGetPrompt, {},
                    &requests_[calls_++ % requests_.size()], &response_,
                    [this](const grpc::Status& status) {
                      ++(status.ok() ? tally_.answered : tally_.failed);
                      Next();
                    });
  }

  const std::vector<grpc::ByteBuffer>& requests_;
  Stub stub_;
  Tally& tally_;
  std::latch& done_;
  std::unique_ptr<grpc::ClientContext> context_;
  grpc::ByteBuffer response_;
  size_t calls_ = 0;
};

class StreamCaller final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  StreamCaller(const RawOptions& options,
               const std::vector<grpc::ByteBuffer>& messages, Tally* tally,
               std::latch* done)
      : messages_(messages),
        stub_(OwnConnection(options.port)),
        tally_(*tally),
        done_(*done) {
    stub_.PrepareBidiStreamingCall(&context_, kStreamPrompts, {}, this);
    Write(/*allowed=*/2, /*written=*/false);
    StartRead(&response_);
    StartCall();
  }

  void OnWriteDone(bool ok) override {
    if (ok) Write(/*allowed=*/0, /*written=*/true);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    Count();
    if (tally_.stop) return context_.TryCancel();
    StartRead(&response_);
    Write(/*allowed=*/1, /*written=*/false);
  }
  void OnDone(const grpc::Status&) override { done_.count_down(); }

 private:
  // Writes the next message if one more is allowed and none is being written.
  void Write(int allowed, bool written) {
    std::lock_guard<std::mutex> lock(mutex_);
    allowed_ += allowed;
    if (written) writing_ = false;
    if (writing_ || allowed_ == 0) return;
    writing_ = true;
    --allowed_;
    StartWrite(&messages_[sent_++ % messages_.size()]);
  }

  void Count() {
    server::WireReader results(server::Flatten(response_, &scratch_));
    while (results.Next()) {
      bool answered = false;
      server::WireReader result(results.bytes());
      while (result.Next()) {
        answered |= result.field() == v1::PromptResult::kResponseFieldNumber;
      }
      ++(answered ? tally_.answered : tally_.failed);
    }
  }

  const std::vector<grpc::ByteBuffer>& messages_;
  Stub stub_;
  Tally& tally_;
  std::latch& done_;
  grpc::ClientContext context_;
  grpc::ByteBuffer response_;
  std::string scratch_;
  std::mutex mutex_;
  int allowed_ = 0;       // guarded by mutex_
  bool writing_ = false;  // guarded by mutex_
  size_t sent_ = 0;       // guarded by mutex_
};

template <typename Caller>
RawResult Measure(const RawOptions& options,
                  const std::vector<grpc::ByteBuffer>& messages) {
  using Clock = std::chrono::steady_clock;
  Tally tally;
  std::latch done(options.callers);
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < options.callers; ++i) {
    callers.push_back(
        std::make_unique<Caller>(options, messages, &tally, &done));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const int64_t before = tally.answered;
  const auto start = Clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
  const std::chrono::duration<double> took = Clock::now() - start;
  const int64_t answered = tally.answered - before;
  tally.stop = true;
  done.wait();
  return {static_cast<double>(answered) / took.count(), tally.failed};
}

}  // namespace

RawResult RunRawUnary(const RawOptions& options,
                      const std::vector<v1::GetPromptRequest>& requests) {
  std::vector<grpc::ByteBuffer> messages;
  for (const auto& request : requests) messages.push_back(BufferOf(request));
  return Measure<UnaryCaller>(options, messages);
}

RawResult RunRawStreams(const RawOptions& options,
                        const std::vector<v1::GetPromptRequest>& requests) {
  std::vector<grpc::ByteBuffer> messages;
  for (size_t next = 0; next < requests.size();) {
    v1::StreamPromptsRequest message;
    for (int i = 0; i < options.batch; ++i) {
      *message.add_calls()->mutable_request() =
          requests[next++ % requests.size()];
    }
    messages.push_back(BufferOf(message));
  }
  return Measure<StreamCaller>(options, messages);
}

}  // namespace attune::bench
