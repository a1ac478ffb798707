// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/transport_security.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/server/tls_fixture.h"
#include "tests/testing/environment.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kRoles[] =
    "'x:backend': [client]\n"
    "'x:ops': [operator]\n";
constexpr absl::Duration kPatience = absl::Seconds(60);

// Asks again and again; false if the answer is no for too long.
template <typename Question>
bool Await(const Question& question) {
  const absl::Time end = absl::Now() + kPatience;
  while (absl::Now() < end) {
    if (question()) return true;
    std::this_thread::yield();
  }
  return false;
}

TEST(TransportSecuritySettingsTest, NothingIsHalfSecured) {
  const struct {
    const char* cert;
    const char* key;
    const char* client_ca;
    const char* roles;
    const char* error;
  } cases[] = {
      {"c", "", "", "", "tls_key_file: needed with tls_cert_file"},
      {"", "k", "", "", "tls_cert_file: needed with tls_key_file"},
      {"", "", "a", "r", "tls_cert_file: needed with tls_client_ca_file"},
      {"", "", "", "r", "tls_client_ca_file: needed with roles_file"},
      {"c", "k", "", "r", "tls_client_ca_file: needed with roles_file"},
      {"c", "k", "a", "", "roles_file: needed with tls_client_ca_file"},
  };
  for (const auto& [cert, key, client_ca, roles, error] : cases) {
    ServerConfig config;
    config.tls_cert_file = cert;
    config.tls_key_file = key;
    config.tls_client_ca_file = client_ca;
    config.roles_file = roles;
    EXPECT_THAT(TransportSecurity::Create(config, [] { return absl::Now(); }),
                StatusIs(absl::StatusCode::kInvalidArgument, error));
  }
}

class TransportSecurityTest : public ::testing::Test {
 protected:
  void Start(absl::Duration connection_age = absl::ZeroDuration()) {
    ServerConfig config;
    config.tls_reload_interval = absl::Milliseconds(5);
    config.tls_connection_age = connection_age;
    server_.Start(config);
  }
  ServerConfig Config() const {
    ServerConfig config;
    config.tls_cert_file = server_.path("server.pem");
    config.tls_key_file = server_.path("server.key");
    config.tls_client_ca_file = server_.path("ca.pem");
    config.roles_file = server_.path("roles.yaml");
    return config;
  }
  absl::Status Create() const {
    return TransportSecurity::Create(Config(), [] { return absl::Now(); })
        .status();
  }

  std::shared_ptr<grpc::Channel> Data() {
    return server_.Connect(server_.ports().data, backend_);
  }
  // What a new connection is shown; empty if it gets no answer.
  std::string Shown() {
    std::string certificate;
    return CallGetPrompt(Data(), &certificate).ok() ? certificate : "";
  }
  double Failures(const char* what) {
    return server_.Metric(
        std::string("attune_tls_reload_failures_total{what=\"") + what + "\"}");
  }
  // Waits until the files have been read, and found bad, twice from now on.
  bool AwaitFailures(const char* what) {
    const double before = Failures(what);
    return Await([&] { return Failures(what) >= before + 2; });
  }

  TlsServer server_{kRoles};
  const TestCertificate backend_ = server_.Issue("URI:x:backend");
};

TEST_F(TransportSecurityTest, AStartWithBadFilesIsRefusedAndSaysWhy) {
  EXPECT_THAT(Create(), IsOk());
  server_.WriteFile("roles.yaml", "'x:a': [boss]\n");
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kInvalidArgument,
                                 AllOf(HasSubstr("roles_file: "),
                                       HasSubstr("line 1: a role must be"))));
  server_.WriteFile("roles.yaml", kRoles);
  server_.WriteFile("server.pem", "");
  EXPECT_THAT(Create(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("tls_cert_file: "),
                             HasSubstr("server.pem: no certificate in it"))));
  std::remove(server_.path("server.pem").c_str());
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kNotFound,
                                 HasSubstr("tls_cert_file: ")));
}

TEST_F(TransportSecurityTest, WithoutClientsCertificatesEverybodyMayCall) {
  TestServer server;
  ServerConfig config = Config();
  config.tls_client_ca_file = config.roles_file = "";
  server.Restart(config);
  const int port = server.server().ports().data;
  EXPECT_TRUE(CallGetPrompt(ConnectTls(port, server_.ca().pem(), {})).ok());
  EXPECT_EQ(CallGetPrompt(Connect(port)).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  // Nor does the server show itself to be somebody else.
  const TestCa other("the CA");
  EXPECT_EQ(CallGetPrompt(ConnectTls(port, other.pem(), {})).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TransportSecurityTest, ABadSetOnTheDiskChangesNothing) {
  Start();
  const std::string good = Shown();
  const TestCertificate next = server_.ca().Issue({.names = kServerNames});
  const struct {
    const char* name;
    std::string bytes;
  } bad[] = {
      {"server.pem", ""},
      {"server.pem", next.certificate.substr(0, 200)},
      {"server.pem", next.certificate},
      {"server.key", next.key.substr(0, 100)},
      {"ca.pem", "no certificate"},
  };
  for (const auto& [name, bytes] : bad) {
    const std::string before = ReadFile(server_.path(name));
    server_.WriteFile(name, bytes);
    ASSERT_TRUE(AwaitFailures("certificate")) << name;
    EXPECT_EQ(Shown(), good) << name;
    server_.WriteFile(name, before);
  }
  server_.WriteCertificate(next);
  EXPECT_TRUE(Await([&] { return Shown() == next.certificate; }));
}

TEST_F(TransportSecurityTest, MetricsSayWhenTheCertificateExpires) {
  const absl::Time end = absl::FromUnixSeconds(1900000000);
  server_.WriteCertificate(
      server_.ca().Issue({.names = kServerNames, .end = end}));
  Start();
  EXPECT_EQ(server_.Metric("attune_tls_certificate_expiry_seconds"), 1.9e9);
}

TEST_F(TransportSecurityTest, RolesAreReadAgain) {
  Start();
  const auto channel = Data();
  ASSERT_TRUE(CallGetPrompt(channel).ok());
  server_.WriteFile("roles.yaml", "'x:ops': [operator]\n");
  // On the connection that is there.
  EXPECT_TRUE(Await([&] {
    return CallGetPrompt(channel).error_code() ==
           grpc::StatusCode::PERMISSION_DENIED;
  }));
  server_.WriteFile("roles.yaml", kRoles);
  EXPECT_TRUE(Await([&] { return CallGetPrompt(channel).ok(); }));
  server_.WriteFile("roles.yaml", "");
  ASSERT_TRUE(AwaitFailures("roles"));
  EXPECT_TRUE(CallGetPrompt(channel).ok());
}

TEST_F(TransportSecurityTest, ACaThatIsGoneIsTrustedNoMore) {
  Start();
  ASSERT_NE(Shown(), "");
  const TestCa other("another");
  server_.WriteFile("ca.pem", other.pem());
  EXPECT_TRUE(Await([&] { return Shown().empty(); }));
  const auto theirs = other.Issue({.names = "URI:x:backend"});
  EXPECT_TRUE(
      CallGetPrompt(server_.Connect(server_.ports().data, theirs)).ok());
}

// Callers that keep their connection, with gRPC's defaults: a call that did not
// get onto it before it ended goes onto the next one; no other is tried again.
class Load {
 public:
  Load(int callers,
       const std::function<std::shared_ptr<grpc::Channel>()>& connect)
      : seen_(callers) {
    for (int i = 0; i < callers; ++i) {
      threads_.emplace_back([this, i, channel = connect()] {
        while (!stop_) CallOnce(channel, i);
      });
    }
  }
  ~Load() { Stop(); }

  void Stop() {
    stop_ = true;
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  // Whether every caller's connection was shown `certificate` at its last call.
  bool AllSee(const std::string& certificate) {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::all_of(seen_.begin(), seen_.end(), [&](const std::string& one) {
      return one == certificate;
    });
  }

  int calls() const { return calls_; }
  int failed() const { return failed_; }
  // Times that a caller's connection was shown another certificate than before.
  int moves() const { return moves_; }

 private:
  void CallOnce(const std::shared_ptr<grpc::Channel>& channel, int caller) {
    std::string certificate;
    const grpc::Status status = CallGetPrompt(channel, &certificate);
    ++calls_;
    if (!status.ok()) {
      if (++failed_ <= 5) std::cout << status.error_message() << "\n";
      return;
    }
    std::lock_guard<std::mutex> lock(mutex_);
    if (certificate == seen_[caller]) return;
    seen_[caller] = certificate;
    ++moves_;
  }

  std::atomic<bool> stop_ = false;
  std::atomic<int> calls_ = 0;
  std::atomic<int> failed_ = 0;
  std::atomic<int> moves_ = 0;
  std::mutex mutex_;
  std::vector<std::string> seen_;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

TEST_F(TransportSecurityTest, RotationsUnderLoadFailNoCall) {
  const int rotations = testing::FromEnvironment("ATTUNE_ROTATIONS", 5);
  Start(absl::Milliseconds(100));
  Load load(4, [this] { return Data(); });
  for (int i = 0; i < rotations; ++i) {
    // Half written first, as by somebody who does not rename.
    const TestCertificate next = server_.ca().Issue({.names = kServerNames});
    server_.WriteFile("server.pem", next.certificate.substr(0, 100 + i));
    server_.WriteCertificate(next);
    server_.WriteFile("ca.pem", server_.ca().pem() + (i % 2 == 0 ? "" : "\n"));
    ASSERT_TRUE(Await([&] { return Shown() == next.certificate; }));
    // Those who were connected before come over by the connections' age.
    ASSERT_TRUE(Await([&] { return load.AllSee(next.certificate); }));
  }
  load.Stop();
  std::cout << "[ rotation ] " << rotations << " rotations, " << load.calls()
            << " calls, " << load.failed() << " failed, " << load.moves()
            << " times a caller met a new certificate\n";
  EXPECT_EQ(load.failed(), 0);
  EXPECT_GE(load.moves(), 4 * rotations);
}

}  // namespace
}  // namespace attune::server
