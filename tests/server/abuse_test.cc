// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Peers that do not behave, against the server in a process of its own, beside a
// client that does: it must be answered every time, and the server must not
// grow. ATTUNE_ABUSE_SCALE multiplies the abusers (1 by default).

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "tests/server/http_get.h"
#include "tests/server/normal_client.h"
#include "tests/server/process.h"
#include "tests/server/raw_connection.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/environment.h"
#include "tests/testing/sanitized.h"

namespace attune::server {
namespace {

using ::testing::HasSubstr;
using Connections = NormalClient::Connections;
using Figures = NormalClient::Figures;

constexpr int kCalls = 400;
// Between two looks at the server, and two bytes of who drips.
constexpr std::chrono::milliseconds kLook{10};

int Scaled(int abusers) {
  return abusers *
         std::max(1, testing::FromEnvironment("ATTUNE_ABUSE_SCALE", 1));
}

// A test needs two descriptors for each abuser, and some.
void AllowFiles() {
  rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

class AbuseTest : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> settings) {
    AllowFiles();
    settings.insert(settings.end(), {"--catalog", Catalog(dir_)});
    process_.emplace(dir_, settings);
    const std::string ports = process_->ReadLine();
    port_ = PortIn(ports, "data_port");
    metrics_port_ = PortIn(ports, "metrics_port");
    ASSERT_GT(port_, 0) << process_->log();
    NormalClient client(port_, Connections::kNew);
    alone_ = client.Measure(kCalls);
    resident_ = process_->Megabytes("VmRSS");
    process_->ForgetPeak();
  }

  // What came of it. `growth` is the most megabytes that the abuse may cost.
  void Report(const std::string& what, const Figures& beside, double growth) {
    const double peak = process_->Megabytes("VmHWM");
    std::cout << "[ " << what << " ] normal client: p99 " << alone_.p99_ms
              << " ms alone, " << beside.p99_ms << " ms beside, "
              << beside.failed << " of " << beside.calls
              << " calls failed; server: " << resident_
              << " MB before, at most " << peak << " MB during\n";
    EXPECT_EQ(beside.failed, 0);
    EXPECT_GT(resident_, 1.0);
    if (!testing::kSanitized) {
      EXPECT_LT(peak - resident_, growth);
    }
  }

  std::string Metrics() const { return HttpGet(metrics_port_, "/metrics"); }
  // A number that is scraped; -1 if there is none.
  int Metric(const std::string& series) const {
    const std::string metrics = Metrics();
    const size_t found = metrics.find(series + " ");
    return found == std::string::npos
               ? -1
               : std::stoi(metrics.substr(found + series.size() + 1));
  }
  // Until the server says that so few are open.
  void AwaitOpen(int most) const {
    while (Metric(R"(attune_connections{listener="data"})") > most) {
      std::this_thread::sleep_for(kLook);
    }
  }

  const TempDir dir_;
  std::optional<Process> process_;
  int port_ = 0;
  int metrics_port_ = 0;
  Figures alone_;
  double resident_ = 0.0;
};

// Zeros, as gzip writes them.
std::string Bomb(size_t size) {
  const std::string zeros(size, '\0');
  std::string out(size / 500 + 1000, '\0');
  z_stream stream = {};
  // 16: with gzip's header.
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8,
               Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data()));
  stream.avail_in = static_cast<uInt>(zeros.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// 0.5 MB of gzip that would be 480 MB of zeros.
TEST_F(AbuseTest, AGzipBombCostsNothing) {
  Start({});
  // As much as a peer may send before it is told that it may send more.
  const std::string bomb = Bomb(60 << 20);
  ASSERT_LT(bomb.size(), 65000U);
  const int bombs = Scaled(8);
  NormalClient client(port_, Connections::kNew);
  int answered = 0;
  const Figures beside = client.MeasureBeside(kCalls, [&] {
    std::vector<RawConnection> peers;
    for (int i = 0; i < bombs; ++i) peers.emplace_back(port_);
    for (RawConnection& peer : peers) {
      peer.Send(Preface() + CallHeaders(1, "GetPrompt", "gzip") +
                CallMessage(1, bomb, true));
    }
    for (RawConnection& peer : peers) {
      while (auto frame = peer.Receive()) {
        if (frame->type != FrameType::kHeaders) continue;
        ++answered;
        break;
      }
    }
  });
  EXPECT_GE(answered, bombs);
  Report("gzip bomb, " + std::to_string(answered) + " of " +
             std::to_string(bomb.size()) + " bytes",
         beside, 32.0 * bombs / 8);
}

// Some say nothing, some say half of a preface.
TEST_F(AbuseTest, SilentConnectionsAreEnded) {
  Start({"--handshake_timeout", "1s"});
  const int count = Scaled(300);
  std::vector<RawConnection> peers;
  for (int i = 0; i < count; ++i) {
    peers.emplace_back(port_);
    if (i % 2 == 0) peers.back().Send(Preface().substr(0, 20));
  }
  NormalClient client(port_, Connections::kNew);
  const Figures beside = client.Measure(kCalls);
  for (RawConnection& peer : peers) peer.AwaitEnd();
  AwaitOpen(1);
  Report(std::to_string(count) + " silent connections", beside,
         0.1 * count + 16);
}

// A preface, a byte at a time: the time is for all of it.
TEST_F(AbuseTest, ADrippingHandshakeIsEnded) {
  Start({"--handshake_timeout", "500ms"});
  const int count = Scaled(100);
  std::vector<RawConnection> peers;
  for (int i = 0; i < count; ++i) peers.emplace_back(port_);
  const std::string preface = Preface();
  size_t dripped = 0;
  NormalClient client(port_, Connections::kNew);
  const Figures beside = client.MeasureBeside(kCalls, [&] {
    std::this_thread::sleep_for(kLook);
    // Not the last byte.
    if (dripped + 1 >= preface.size()) return;
    for (RawConnection& peer : peers) peer.Send(preface.substr(dripped, 1));
    ++dripped;
  });
  for (RawConnection& peer : peers) peer.AwaitEnd();
  AwaitOpen(1);
  Report(std::to_string(count) + " dripping handshakes", beside,
         0.1 * count + 16);
}

// Connected as it should be, and no call.
TEST_F(AbuseTest, IdleConnectionsAreEnded) {
  Start({"--idle_timeout", "1s"});
  const int count = Scaled(200);
  std::vector<RawConnection> peers;
  for (int i = 0; i < count; ++i) {
    peers.emplace_back(port_);
    peers.back().Send(Preface());
  }
  NormalClient client(port_, Connections::kNew);
  const Figures beside = client.Measure(kCalls);
  for (RawConnection& peer : peers) peer.AwaitEnd();
  AwaitOpen(1);
  Report(std::to_string(count) + " idle connections", beside, 0.1 * count + 16);
}

// Calls whose message comes a byte at a time, and never all of it.
TEST_F(AbuseTest, DrippingCallsAreBoundedByTheStreams) {
  constexpr int kStreams = 32;
  Start({"--max_streams", std::to_string(kStreams)});
  const int count = Scaled(20);
  std::vector<RawConnection> peers;
  for (int i = 0; i < count; ++i) {
    peers.emplace_back(port_);
    ASSERT_TRUE(peers.back().Handshake());
    for (uint32_t stream = 1; stream < 2 * kStreams; stream += 2) {
      peers.back().Send(
          CallHeaders(stream, "GetPrompt") +
          Frame(FrameType::kData, 0, stream, std::string("\0\0\1\0\0", 5)));
    }
  }
  NormalClient client(port_, Connections::kNew);
  const Figures beside = client.MeasureBeside(kCalls, [&] {
    for (RawConnection& peer : peers) {
      peer.Send(Frame(FrameType::kData, 0, 1, "x"));
    }
  });
  Report(std::to_string(count * kStreams) + " dripping calls", beside,
         0.025 * count * kStreams + 16);
}

// Connections until the process may open nothing more, again and again. While
// there is nothing, who is connected is served and who comes is refused, not
// left waiting; afterwards everyone is served.
TEST_F(AbuseTest, RecoversFromTheLastFileDescriptor) {
  Start({});
  NormalClient client(port_, Connections::kKept);
  Figures beside;
  int refused = 0;
  for (int round = 0; round < 3; ++round) {
    const auto abusers = static_cast<rlim_t>(Scaled(100));
    process_->LimitFiles(process_->Files() + 2 * abusers);
    std::vector<RawConnection> peers;
    for (rlim_t i = 0; i < 2 * abusers; ++i) {
      RawConnection peer(port_);
      if (peer.Handshake()) {
        peers.push_back(std::move(peer));
      } else {
        ++refused;
      }
    }
    EXPECT_GE(peers.size(), abusers - 5);
    EXPECT_LE(peers.size(), abusers + 5);
    const Figures now = client.Measure(kCalls);
    beside.calls += now.calls;
    beside.failed += now.failed;
    beside.p99_ms = std::max(beside.p99_ms, now.p99_ms);
    peers.clear();
    // Scrapes find no descriptor either, until the peers' are free.
    AwaitOpen(1);
    NormalClient late(port_, Connections::kNew);
    EXPECT_EQ(late.Measure(50).failed, 0);
  }
  EXPECT_GE(Metric(R"(attune_connections_total{listener="data",)"
                   R"(result="refused_descriptors"})"),
            refused);
  EXPECT_GT(refused, 0);
  Report("no file descriptors, " + std::to_string(refused) + " refused", beside,
         0.1 * Scaled(100) + 16);
}

// One address may not take all connections; all addresses together may take no
// more than the server has.
TEST_F(AbuseTest, AFloodOfConnectionsLeavesRoom) {
  Start({"--max_connections", "100", "--max_connections_per_address", "50"});
  const int count = Scaled(500);
  NormalClient client(port_, Connections::kNew);
  int taken = 0;
  int most_taken = 0;
  const Figures beside = client.MeasureBeside(kCalls, [&] {
    std::vector<RawConnection> peers;
    for (int i = 0; i < count; ++i) {
      RawConnection peer(port_);
      if (peer.Handshake()) peers.push_back(std::move(peer));
    }
    taken += static_cast<int>(peers.size());
    most_taken = std::max(most_taken, static_cast<int>(peers.size()));
  });
  EXPECT_LE(most_taken, 50);
  EXPECT_GT(taken, 0);
  std::vector<RawConnection> peers;
  for (int i = 0; i < count; ++i) {
    RawConnection peer(port_, 2 + i % 10);
    if (peer.Handshake()) peers.push_back(std::move(peer));
  }
  EXPECT_LE(peers.size(), 100U);
  EXPECT_GE(peers.size(), 90U);
  EXPECT_THAT(process_->log(), HasSubstr("connections are refused"));
  Report("connection flood", beside, 32.0);
}

// A request with a large answer: titles as long as prompts have them.
std::string LargeRequest() {
  v1::GetPromptRequest request = SampleRequest(20, 26);
  for (auto* items :
       {request.mutable_history(), request.mutable_candidates()}) {
    for (auto& item : *items) item.set_title(std::string(200, 'a'));
  }
  return request.SerializeAsString();
}

// Calls on as many streams. The peer does not let the server send a message, so
// each call has headers, and trailers if it was refused: returns how many were.
int CallWithoutReading(RawConnection& peer, int streams,
                       const std::string& request) {
  int refused = 0;
  for (int i = 0; i < streams; ++i) {
    const auto stream = static_cast<uint32_t>(2 * i + 1);
    peer.Send(CallHeaders(stream, "GetPrompt") + CallMessage(stream, request));
    while (true) {
      const auto frame = peer.Receive();
      if (!frame.has_value()) {
        ADD_FAILURE() << "the server ended the connection";
        return refused;
      }
      if (frame->type != FrameType::kHeaders) continue;
      if ((frame->flags & kEndStream) != 0) ++refused;
      break;
    }
  }
  return refused;
}

// Answers that nobody takes stay in memory: at most as many as there are streams.
TEST_F(AbuseTest, SlowReadersAreBoundedByTheStreams) {
  constexpr int kStreams = 32;
  Start({"--max_streams", std::to_string(kStreams), "--max_calls_per_caller",
         "0"});
  const std::string request = LargeRequest();
  const int count = Scaled(20);
  std::vector<RawConnection> peers;
  for (int i = 0; i < count; ++i) {
    peers.emplace_back(port_);
    ASSERT_TRUE(peers.back().Handshake(0));
    EXPECT_EQ(CallWithoutReading(peers.back(), kStreams, request), 0);
  }
  NormalClient client(port_, Connections::kNew);
  const Figures beside = client.Measure(kCalls);
  Report(std::to_string(count * kStreams) + " answers that are not read",
         beside, 0.08 * count * kStreams + 16);
}

// It lets the server send messages, and does not take them from the network: the
// kernel ends the connection.
TEST_F(AbuseTest, APeerThatTakesNothingFromTheNetworkIsCut) {
  Start({});
  constexpr uint32_t kEndless = 0x7fffffff;
  constexpr int kReceiveBuffer = 4096;
  const std::string request = LargeRequest();
  const int count = Scaled(2);
  std::vector<RawConnection> peers;
  for (int i = 0; i < count; ++i) {
    peers.emplace_back(port_, 2, kReceiveBuffer);
    ASSERT_TRUE(peers.back().Handshake(kEndless));
    for (uint32_t stream = 1; stream < 64; stream += 2) {
      peers.back().Send(CallHeaders(stream, "GetPrompt") +
                        CallMessage(stream, request));
    }
  }
  NormalClient client(port_, Connections::kNew);
  const Figures beside = client.Measure(kCalls);
  AwaitOpen(1);
  Report(std::to_string(count) + " peers that take nothing", beside,
         50.0 * count + 16);
}

// It holds its share of the calls for ever, and others get theirs.
TEST_F(AbuseTest, ACallerAboveItsQuotaIsRefusedAndOthersAreServed) {
  constexpr int kQuota = 8;
  Start({"--max_calls_per_caller", std::to_string(kQuota)});
  const std::string request = SampleRequest(5, 10).SerializeAsString();
  const int streams = 200;
  NormalClient client(port_, Connections::kNew);
  Figures beside;
  for (int round = 0; round < 2; ++round) {
    const int count = Scaled(4);
    std::vector<RawConnection> peers;
    int refused = 0;
    for (int i = 0; i < count; ++i) {
      peers.emplace_back(port_);
      ASSERT_TRUE(peers.back().Handshake(0));
      refused += CallWithoutReading(peers.back(), streams, request);
    }
    // Among all its connections, and again when it has gone and come back.
    EXPECT_EQ(refused, count * streams - kQuota);
    beside = client.Measure(kCalls);
    peers.clear();
    AwaitOpen(1);
  }
  EXPECT_EQ(
      Metric(
          R"(attune_requests_total{code="RESOURCE_EXHAUSTED",method="GetPrompt"})"),
      2 * (Scaled(4) * streams - kQuota));
  Report("a caller above its quota", beside, 32.0);
}

}  // namespace
}  // namespace attune::server
