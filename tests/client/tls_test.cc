// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The SDK and the command against a server with TLS and roles.

#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/cli.h"
#include "client/log_client.h"
#include "client/policy_client.h"
#include "client/prompt_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/tls_fixture.h"
#include "tests/testing/status_matchers.h"

namespace attune::client {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::SampleCandidates;
using ::attune::testing::SampleHistory;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    server_.Start();
    for (const char* name : {"backend", "trainer", "ops"}) {
      const auto made = server_.Issue(std::string("URI:x:") + name);
      server_.WriteFile(std::string(name) + ".pem", made.certificate);
      server_.WriteFile(std::string(name) + ".key", made.key);
    }
  }

  TlsOptions As(const std::string& name) const {
    return {.ca_file = server_.path("ca.pem"),
            .cert_file = server_.path(name + ".pem"),
            .key_file = server_.path(name + ".key")};
  }
  std::string Data(const std::string& host = "127.0.0.1") {
    return absl::StrCat(host, ":", server_.ports().data);
  }
  std::string Control() {
    return absl::StrCat("127.0.0.1:", server_.ports().control);
  }
  absl::Status GetPrompt(const ClientOptions& options) {
    const auto client = PromptClient::Create(options);
    if (!client.ok()) return client.status();
    return client
        ->GetPrompt(MakeRequest(SampleHistory(5), SampleCandidates(10)))
        .status();
  }

  server::TlsServer server_{
      "'x:backend': [client, feedback_writer]\n"
      "'x:trainer': [trainer]\n"
      "'x:ops': [operator]\n"};
};

TEST_F(TlsTest, EachClientDoesWhatItsRoleMay) {
  EXPECT_THAT(GetPrompt({.target = Data(), .tls = As("backend")}), IsOk());
  EXPECT_THAT(GetPrompt({.target = Data(), .tls = As("trainer")}),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("GetPrompt needs a role of client")));
  const auto policies =
      PolicyClient::Create({.target = Control(), .tls = As("trainer")});
  ASSERT_THAT(policies, IsOk());
  EXPECT_THAT(policies->ListRevisions(), IsOk());
  EXPECT_THAT(policies->Rollback(),
              StatusIs(absl::StatusCode::kPermissionDenied));
  const auto log = LogClient::Create({.target = Control(), .tls = As("ops")});
  ASSERT_THAT(log, IsOk());
  EXPECT_THAT(log->ForgetUser("ann"), IsOk());
}

TEST_F(TlsTest, TheAuditLogHasTheNameOfWhoPushed) {
  const auto policies =
      PolicyClient::Create({.target = Control(), .tls = As("trainer")});
  ASSERT_THAT(policies, IsOk());
  ASSERT_THAT(
      policies->PushRevision(server::MakeArtifact("1"), {.activate = true}),
      IsOk());
  EXPECT_THAT(server::ReadFile(server_.revision_dir() + "/audit.jsonl"),
              HasSubstr("\"action\":\"push\",\"who\":\"x:trainer\""));
}

TEST_F(TlsTest, TheServersNameIsChecked) {
  const RetryOptions once = {.max_attempts = 1};
  EXPECT_THAT(
      GetPrompt(
          {.target = Data("localhost"), .retry = once, .tls = As("backend")}),
      IsOk());
  TlsOptions tls = As("backend");
  tls.server_name = "attune.example";
  EXPECT_THAT(GetPrompt({.target = Data(), .retry = once, .tls = tls}),
              StatusIs(absl::StatusCode::kUnavailable));
  tls.server_name = "localhost";
  EXPECT_THAT(GetPrompt({.target = Data(), .retry = once, .tls = tls}), IsOk());
}

TEST_F(TlsTest, NoPartOfTlsIsNoTls) {
  const TlsOptions good = As("backend");
  const TlsOptions bad[] = {
      {.ca_file = good.ca_file, .cert_file = good.cert_file},
      {.ca_file = good.ca_file, .key_file = good.key_file},
      {.cert_file = good.cert_file, .key_file = good.key_file},
      {.server_name = "localhost"},
  };
  for (const TlsOptions& tls : bad) {
    EXPECT_THAT(GetPrompt({.target = Data(), .tls = tls}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tls")));
  }
  TlsOptions gone = good;
  gone.key_file = "/nonexistent/key.pem";
  EXPECT_THAT(GetPrompt({.target = Data(), .tls = gone}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("key.pem")));
}

TEST_F(TlsTest, TheCommandShowsItsCertificate) {
  std::vector<std::string> arguments = {"revisions", "--control", Control()};
  const TlsOptions tls = As("ops");
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  std::vector<std::string> with = arguments;
  with.insert(with.end(), {"--ca-file", tls.ca_file, "--cert-file",
                           tls.cert_file, "--key-file", tls.key_file});
  EXPECT_EQ(RunCli(with, {.in = in, .out = out, .err = err}), kExitOk)
      << err.str();
  ::setenv("ATTUNE_CA_FILE", tls.ca_file.c_str(), 1);
  ::setenv("ATTUNE_CERT_FILE", tls.cert_file.c_str(), 1);
  ::setenv("ATTUNE_KEY_FILE", tls.key_file.c_str(), 1);
  EXPECT_EQ(RunCli(arguments, {.in = in, .out = out, .err = err}), kExitOk)
      << err.str();
  ::unsetenv("ATTUNE_CA_FILE");
  ::unsetenv("ATTUNE_CERT_FILE");
  ::unsetenv("ATTUNE_KEY_FILE");
  arguments.insert(arguments.end(), {"--timeout", "1"});
  EXPECT_EQ(RunCli(arguments, {.in = in, .out = out, .err = err}), kExitError);
}

}  // namespace
}  // namespace attune::client
