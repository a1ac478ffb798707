// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Numbers of signed revisions that were acknowledged count after kill -9.
// ATTUNE_KILLS says how often (10 by default), ATTUNE_SEED with which seed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <thread>

#include "policy/random.h"
#include "policy/signing_key.h"
#include "tests/server/acknowledgements.h"
#include "tests/server/process.h"
#include "tests/server/rpc_error.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/environment.h"

namespace attune::server {
namespace {

using ::attune::testing::FromEnvironment;

// Pushes and activates signed revisions, each with the next number, until the
// server dies. Some bytes come again with a new number.
class SignedPusher {
 public:
  explicit SignedPusher(const policy::SigningKey* key) : key_(*key) {}

  grpc::Status Push(int port, const std::string& artifact, int64_t number) {
    auto stub = v1::PolicyService::NewStub(Connect(port));
    const int64_t offset = OffsetOf(*stub, artifact);
    grpc::ClientContext context;
    v1::PushRevisionRequest message;
    v1::PushRevisionResponse response;
    auto* header = message.mutable_header();
    header->set_digest(policy::Sha256Hex(artifact));
    header->set_byte_size(static_cast<int64_t>(artifact.size()));
    header->set_offset(offset);
    header->set_activate(true);
    *header->mutable_signature() =
        key_.Sign(header->digest(), "sample", number).value();
    auto writer = stub->PushRevision(&context, &response);
    writer->Write(message);
    if (offset < static_cast<int64_t>(artifact.size())) {
      message.set_data(artifact.substr(offset));
      writer->Write(message);
    }
    writer->WritesDone();
    return writer->Finish();
  }

  void Start(int port) {
    acknowledgements_.Reset();
    thread_ = std::thread([this, port] {
      do {
        ++number_;
        tried_ = MakeArtifact(std::to_string(number_ % kArtifacts));
      } while (Push(port, tried_, number_).ok() && Acknowledge());
    });
  }
  void AwaitAcknowledged(int count) { acknowledgements_.Await(count); }
  void Join() { thread_.join(); }

  // The last push, whether it was acknowledged or not, and the last that was.
  const std::string& tried() const { return tried_; }
  int64_t number() const { return number_; }
  int64_t acknowledged() const { return acknowledged_; }

 private:
  // Each is verified again at every start.
  static constexpr int kArtifacts = 40;

  // What is there of a push that was cut off.
  static int64_t OffsetOf(v1::PolicyService::Stub& stub,
                          const std::string& artifact) {
    grpc::ClientContext context;
    v1::GetPushOffsetRequest request;
    v1::GetPushOffsetResponse response;
    request.set_digest(policy::Sha256Hex(artifact));
    return stub.GetPushOffset(&context, request, &response).ok()
               ? response.offset()
               : 0;
  }

  bool Acknowledge() {
    acknowledged_ = number_;
    acknowledgements_.Add();
    return true;
  }

  const policy::SigningKey& key_;
  std::thread thread_;
  Acknowledgements acknowledgements_;
  // The thread's while it runs.
  int64_t number_ = 0;
  int64_t acknowledged_ = 0;
  std::string tried_;
};

TEST(SignedKillTest, AcknowledgedNumbersCountAndBrokenPushesGoOn) {
  const int kills = FromEnvironment("ATTUNE_KILLS", 10);
  const int seed = FromEnvironment("ATTUNE_SEED", 1);
  const TempDir dir;
  const policy::SigningKey key = policy::SigningKey::Generate().value();
  const std::vector<std::string> settings = {
      "--catalog",           Catalog(dir),
      "--trusted_keys_file", dir.Write("keys.pem", key.PublicPem()),
      "--log_level",         "warning",
      "--log_dir",           "off"};
  const std::string rival = MakeArtifact("rival");
  SignedPusher pusher(&key);
  policy::Rng rng(static_cast<uint64_t>(seed));
  int taken_twice = 0, stuck = 0;
  for (int round = 0; round < kills; ++round) {
    {
      Process process(dir, settings);
      const int port = PortIn(process.ReadLine(), "control_port");
      ASSERT_GT(port, 0) << process.log();
      pusher.Start(port);
      pusher.AwaitAcknowledged(1 + static_cast<int>(rng.Below(20)));
      process.Signal(SIGKILL);
      pusher.Join();
    }
    Process process(dir, settings);
    const std::string ports = process.ReadLine();
    const int port = PortIn(ports, "control_port");
    ASSERT_GT(port, 0) << process.log();
    const grpc::Status again = pusher.Push(port, rival, pusher.acknowledged());
    if (ErrorOf(again).reason != "REVISION_NUMBER_NOT_NEW") ++taken_twice;
    const grpc::Status resumed =
        pusher.Push(port, pusher.tried(), pusher.number());
    if (!resumed.ok() || ActiveRevision(PortIn(ports, "data_port")) !=
                             policy::RevisionIdOf(pusher.tried())) {
      ADD_FAILURE() << resumed.error_message();
      ++stuck;
    }
  }
  std::cout << "[ kill -9 ] " << kills << " kills, seed " << seed << ": "
            << pusher.number() << " signed pushes, " << taken_twice
            << " numbers taken twice, " << stuck << " pushes stuck\n";
  EXPECT_EQ(taken_twice, 0);
  EXPECT_EQ(stuck, 0);
}

}  // namespace
}  // namespace attune::server
