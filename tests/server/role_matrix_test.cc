// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Every method that the server has, called with every kind of credential. What
// must come of it is what docs/server.md says, not what the code's table says.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/rpc_method.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "server/role_table.h"
#include "server/wire.h"
#include "tests/server/raw_message.h"
#include "tests/server/tls_fixture.h"

namespace attune::server {
namespace {

constexpr char kReflection[] =
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
constexpr char kEveryRole[] =
    "[client, feedback_writer, trainer, operator, metrics]";

using RoleNames = std::set<std::string>;

RoleNames InBackticks(const std::string& text) {
  static const std::regex word("`([A-Za-z_]+)`");
  RoleNames found;
  for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end;
       ++at) {
    found.insert((*at)[1]);
  }
  return found;
}

// Method -> roles, of the table in docs/server.md; empty where none is needed.
std::map<std::string, RoleNames> DocumentedRoles() {
  std::istringstream text(ReadFile(ATTUNE_SOURCE_DIR "/docs/server.md"));
  std::map<std::string, RoleNames> roles;
  std::string line;
  while (std::getline(text, line) && line != "| methods | roles |") continue;
  while (std::getline(text, line) && line.starts_with("|")) {
    const size_t middle = line.find('|', 1);
    for (const std::string& method : InBackticks(line.substr(0, middle))) {
      roles[method] = InBackticks(line.substr(middle));
    }
  }
  return roles;
}

// A method of a listener.
struct Target {
  int port;
  std::string path;
  std::string method() const { return path.substr(path.rfind('/') + 1); }
};

// What a call comes to: OK if the server answered with a message.
grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel,
                  const std::string& path, const std::string& request,
                  std::string* answer = nullptr) {
  const grpc::internal::RpcMethod method(
      path.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING, channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  using Stream = grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;
  const std::unique_ptr<Stream> stream(
      grpc::internal::ClientReaderWriterFactory<
          grpc::ByteBuffer, grpc::ByteBuffer>::Create(channel.get(), method,
                                                      &context));
  stream->Write(ToBuffer(request));
  stream->WritesDone();
  grpc::ByteBuffer response;
  const bool answered = stream->Read(&response);
  if (answered && answer != nullptr) *answer = ToString(response);
  // Some streams do not end by themselves.
  if (answered) context.TryCancel();
  const grpc::Status status = stream->Finish();
  return answered ? grpc::Status::OK : status;
}

// The services that a listener has, from itself.
std::vector<std::string> ServicesOf(
    const std::shared_ptr<grpc::Channel>& channel) {
  std::string answer;
  const grpc::Status status =
      Call(channel, kReflection, TextField(7, "*"), &answer);
  EXPECT_TRUE(status.ok()) << status.error_message();
  std::vector<std::string> services;
  WireReader response(answer);
  while (response.Next()) {
    if (response.field() != 6) continue;
    WireReader list(response.bytes());
    while (list.Next()) {
      WireReader service(list.bytes());
      while (service.Next()) services.emplace_back(service.bytes());
    }
  }
  return services;
}

// Debian's gRPC has no descriptors of its own services.
std::vector<std::string> MethodsOf(const std::string& service) {
  if (service == "grpc.health.v1.Health") return {"Check", "Watch"};
  if (service == "grpc.reflection.v1alpha.ServerReflection") {
    return {"ServerReflectionInfo"};
  }
  const auto* descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
          service);
  EXPECT_NE(descriptor, nullptr) << service;
  std::vector<std::string> methods;
  for (int i = 0; descriptor != nullptr && i < descriptor->method_count();
       ++i) {
    methods.push_back(descriptor->method(i)->name());
  }
  return methods;
}

// A way to come, and what it is worth.
struct Credential {
  std::string name;
  TestCertificate certificate;
  // Whether the handshake lets it in.
  bool trusted = true;
  RoleNames roles = {};
};

class RoleMatrixTest : public ::testing::Test {
 protected:
  RoleMatrixTest() {
    server_.Start();
    for (const int port : {server_.ports().data, server_.ports().control}) {
      const auto channel = server_.Connect(port, operator_);
      for (const std::string& service : ServicesOf(channel)) {
        for (const std::string& method : MethodsOf(service)) {
          targets_.push_back({port, "/" + service + "/" + method});
        }
      }
    }
  }

  std::vector<Credential> Credentials() const {
    std::vector<Credential> all = Untrusted();
    for (const char* role :
         {"client", "feedback_writer", "trainer", "operator", "metrics"}) {
      all.push_back({role, server_.Issue(std::string("URI:x:") + role), true,
                     RoleNames{role}});
    }
    all.push_back({"two roles",
                   server_.Issue("DNS:two.example"),
                   true,
                   {"client", "feedback_writer"}});
    all.push_back({"two names",
                   server_.Issue("URI:x:trainer,URI:x:metrics"),
                   true,
                   {"trainer", "metrics"}});
    all.push_back({"unknown name", server_.Issue("URI:x:stranger")});
    all.push_back({"a longer name", server_.Issue("URI:x:operator2")});
    all.push_back({"upper case", server_.Issue("URI:x:OPERATOR")});
    all.push_back({"common name only",
                   server_.ca().Issue({.common_name = "x:operator"})});
    return all;
  }

  // All of them claim to be the operator.
  std::vector<Credential> Untrusted() const {
    const CertificateRequest claim = {.names = "URI:x:operator"};
    CertificateRequest expired = claim;
    expired.end = absl::Now() - absl::Hours(1);
    CertificateRequest early = claim;
    early.begin = absl::Now() + absl::Hours(1);
    CertificateRequest servers = claim;
    servers.usage = "serverAuth";
    // The same name, another key.
    const TestCa other_ca("the CA");
    return {{"no certificate", {}, false},
            {"self-signed", SelfSigned(claim), false},
            {"another CA", other_ca.Issue(claim), false},
            {"expired", server_.ca().Issue(expired), false},
            {"not yet valid", server_.ca().Issue(early), false},
            {"a server's certificate", server_.ca().Issue(servers), false},
            {"signed by no CA", server_.ca().IssueBelow(claim), false}};
  }

  grpc::StatusCode Expected(const Credential& credential,
                            const std::string& method) const {
    if (!credential.trusted) return grpc::StatusCode::UNAVAILABLE;
    const RoleNames& needed = documented_.at(method);
    if (needed.empty()) return grpc::StatusCode::OK;
    for (const std::string& role : credential.roles) {
      if (needed.count(role) > 0) return grpc::StatusCode::OK;
    }
    return grpc::StatusCode::PERMISSION_DENIED;
  }

  // Calls every method; returns how many were refused for want of a role.
  int CallAll(const Credential& credential) const {
    std::map<int, std::shared_ptr<grpc::Channel>> channels;
    int denied = 0;
    for (const Target& target : targets_) {
      auto& channel = channels[target.port];
      if (channel == nullptr) {
        channel = server_.Connect(target.port, credential.certificate);
      }
      const grpc::Status status = Call(channel, target.path, "");
      const grpc::StatusCode expected = Expected(credential, target.method());
      denied += expected == grpc::StatusCode::PERMISSION_DENIED ? 1 : 0;
      // A call that was let in may fail in its handler: it was empty.
      const bool let_in =
          status.error_code() != grpc::StatusCode::PERMISSION_DENIED &&
          status.error_code() != grpc::StatusCode::UNAUTHENTICATED &&
          status.error_code() != grpc::StatusCode::UNAVAILABLE &&
          status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED;
      EXPECT_EQ(let_in ? grpc::StatusCode::OK : status.error_code(), expected)
          << credential.name << " calls " << target.path << ": "
          << status.error_message();
    }
    return denied;
  }

  TlsServer server_{
      "'x:client': [client]\n"
      "'x:feedback_writer': [feedback_writer]\n"
      "'x:trainer': [trainer]\n"
      "'x:operator': [operator]\n"
      "'x:metrics': [metrics]\n"
      "two.example: [client, feedback_writer]\n"
      "'x:all': " +
      std::string(kEveryRole) + "\n"};
  const TestCertificate operator_ = server_.Issue("URI:x:operator");
  const std::map<std::string, RoleNames> documented_ = DocumentedRoles();
  // Health and reflection are on both listeners.
  std::vector<Target> targets_;
};

TEST_F(RoleMatrixTest, EveryMethodOfTheServerIsInTheTableAndInTheDocs) {
  std::set<std::string> paths;
  for (const Target& target : targets_) {
    EXPECT_NE(FindRole(target.path), nullptr) << target.path;
    EXPECT_EQ(documented_.count(target.method()), 1U) << target.path;
    paths.insert(target.path);
  }
  for (const RoleTableRow& row : RoleTable()) {
    EXPECT_EQ(paths.count(std::string(row.path)), 1U)
        << row.path << " is no method of the server";
    EXPECT_NE(row.without_role, !row.roles.empty()) << row.path;
  }
  EXPECT_EQ(paths.size(), RoleTable().size());
  EXPECT_EQ(documented_.size(), RoleTable().size());
}

TEST_F(RoleMatrixTest, EveryCredentialGetsWhatTheDocsSayAndNoMore) {
  int denied = 0;
  const auto credentials = Credentials();
  for (const Credential& credential : credentials)
    denied += CallAll(credential);
  std::cout << "[  matrix  ] " << targets_.size() << " methods x "
            << credentials.size() << " credentials, " << denied
            << " refused for want of a role\n";
  double counted = 0;
  std::set<std::string> methods;
  for (const Target& target : targets_) methods.insert(target.method());
  for (const std::string& method : methods) {
    counted += server_.Metric(
        "attune_refused_calls_total{code=\"PERMISSION_DENIED\",method=\"" +
        method + "\"}");
  }
  EXPECT_EQ(counted, denied);
}

TEST_F(RoleMatrixTest, NoPlaintextGetsIn) {
  for (const Target& target : targets_) {
    EXPECT_EQ(Call(Connect(target.port), target.path, "").error_code(),
              grpc::StatusCode::UNAVAILABLE)
        << target.path;
  }
}

TEST_F(RoleMatrixTest, AMethodThatNobodyMayCallIsRefusedToEveryRole) {
  const auto all = server_.Issue("URI:x:all");
  const auto channel = server_.Connect(server_.ports().control, all);
  for (const char* path :
       {"/attune.v1.PolicyService/NewMethod", "/other.Service/Method",
        "/grpc.health.v1.Health/List", "/", "x"}) {
    const grpc::Status status = Call(channel, path, "");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << path;
    EXPECT_THAT(status.error_message(),
                ::testing::StartsWith("METHOD_NOT_IN_ROLE_TABLE"));
  }
}

TEST_F(RoleMatrixTest, TheRefusalNamesTheRoleThatIsMissing) {
  const auto trainer = server_.Issue("URI:x:trainer");
  const grpc::Status status =
      Call(server_.Connect(server_.ports().control, trainer),
           "/attune.v1.PolicyService/SetTraffic", "");
  EXPECT_EQ(status.error_message(),
            "ROLE_MISSING: SetTraffic needs a role of operator; this "
            "certificate has trainer");
}

}  // namespace
}  // namespace attune::server
