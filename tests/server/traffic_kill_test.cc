// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The traffic after kill -9: the server is killed while it is changed, again and
// again over the same files. ATTUNE_KILLS says how often (10 by default).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <thread>

#include "server/audit_log.h"
#include "tests/server/acknowledgements.h"
#include "tests/server/process.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/environment.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::FromEnvironment;
using ::attune::testing::IsOk;

// Changes the canary's share, by a thousandth each time, until the server dies.
class Changer {
 public:
  void Start(int port, const std::string& active, const std::string& canary) {
    acknowledgements_.Reset();
    thread_ = std::thread([this, port, active, canary] {
      auto stub = v1::PolicyService::NewStub(Connect(port));
      v1::SetTrafficRequest request;
      request.mutable_traffic()->set_active(active);
      request.mutable_traffic()->mutable_canary()->set_revision(canary);
      while (true) {
        tried_ = static_cast<float>(++changes_ % 1000) / 1000.0F;
        request.mutable_traffic()->mutable_canary()->set_share(tried_);
        grpc::ClientContext context;
        v1::SetTrafficResponse response;
        if (!stub->SetTraffic(&context, request, &response).ok()) return;
        settled_ = tried_;
        acknowledgements_.Add();
      }
    });
  }
  void AwaitAcknowledged(int count) { acknowledgements_.Await(count); }
  void Join() { thread_.join(); }

  // Whether the share may be this after a restart: the last one that was
  // acknowledged, or the one whose answer did not come.
  bool MayBe(float share) {
    const bool may = share == settled_ || share == tried_;
    settled_ = tried_ = share;
    return may;
  }
  int changes() const { return changes_; }

 private:
  std::thread thread_;
  Acknowledgements acknowledgements_;
  // The thread's while it runs.
  int changes_ = 0;
  float tried_ = 0.0F;
  float settled_ = 0.0F;
};

v1::Traffic TrafficOf(int port) {
  auto stub = v1::PolicyService::NewStub(Connect(port));
  grpc::ClientContext context;
  auto stream = stub->WatchRevisions(&context, v1::WatchRevisionsRequest());
  v1::WatchRevisionsResponse first;
  EXPECT_TRUE(stream->Read(&first));
  context.TryCancel();
  stream->Finish();
  return first.traffic();
}

TEST(TrafficKillTest, KeepsTheLastAcknowledgedTraffic) {
  const int kills = FromEnvironment("ATTUNE_KILLS", 10);
  const TempDir dir;
  const std::vector<std::string> settings = {
      "--catalog", Catalog(dir), "--log_level", "warning", "--log_dir", "off"};
  Changer changer;
  std::string canary;
  int wrong = 0;
  for (int round = 0; round < kills; ++round) {
    Process process(dir, settings);
    const int port = PortIn(process.ReadLine(), "control_port");
    ASSERT_GT(port, 0) << process.log();
    if (round == 0) {
      const std::string artifact = MakeArtifact("canary");
      ASSERT_TRUE(Push(port, artifact, artifact.size()));
      const std::string active = MakeArtifact("active");
      ASSERT_TRUE(Push(port, active, active.size()));
      canary = policy::RevisionIdOf(artifact);
    }
    const v1::Traffic traffic = TrafficOf(port);
    wrong += changer.MayBe(traffic.canary().share()) ? 0 : 1;
    changer.Start(port, traffic.active(), canary);
    changer.AwaitAcknowledged(1 + round * 7 % 30);
    process.Signal(SIGKILL);
    changer.Join();
  }
  std::cout << "[ kill -9 ] " << kills << " kills, " << changer.changes()
            << " changes, " << wrong << " wrong\n";
  EXPECT_EQ(wrong, 0);
  const std::string audit = ReadFile(dir.path() + "/revisions/audit.jsonl");
  EXPECT_THAT(VerifyAuditLog(audit), IsOk());
  EXPECT_GE(std::count(audit.begin(), audit.end(), '\n'), kills);
}

}  // namespace
}  // namespace attune::server
