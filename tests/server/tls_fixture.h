// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_TLS_FIXTURE_H_
#define ATTUNE_TESTS_SERVER_TLS_FIXTURE_H_

// A server with TLS, clients' certificates and roles, and connections to it.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "server/file_io.h"
#include "tests/server/http_get.h"
#include "tests/server/server_fixture.h"
#include "tests/server/temp_dir.h"
#include "tests/server/test_ca.h"

namespace attune::server {

inline constexpr char kServerNames[] = "IP:127.0.0.1,DNS:localhost";

// Trusts `ca`; shows `own` if it has a certificate.
inline std::shared_ptr<grpc::Channel> ConnectTls(int port,
                                                 const std::string& ca,
                                                 const TestCertificate& own) {
  grpc::ChannelArguments arguments;
  // A connection of its own for each channel.
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);
  return grpc::CreateCustomChannel(
      "127.0.0.1:" + std::to_string(port),
      grpc::SslCredentials({ca, own.key, own.certificate}), arguments);
}

class TlsServer {
 public:
  explicit TlsServer(const std::string& roles) {
    WriteCertificate(ca_.Issue({.names = kServerNames}));
    WriteFile("ca.pem", ca_.pem());
    WriteFile("roles.yaml", roles);
  }

  // Call once. Sets what is not set of TLS.
  void Start(ServerConfig config = {}) {
    config.tls_cert_file = path("server.pem");
    config.tls_key_file = path("server.key");
    config.tls_client_ca_file = path("ca.pem");
    config.roles_file = path("roles.yaml");
    server_.Restart(config);
  }

  const TestCa& ca() const { return ca_; }
  std::string path(const std::string& name) const {
    return dir_.path() + "/" + name;
  }
  const ServerPorts& ports() { return server_.server().ports(); }
  std::string revision_dir() const { return server_.revision_dir(); }

  // The file has the old bytes or the new ones at any moment.
  void WriteFile(const std::string& name, const std::string& bytes) const {
    EXPECT_TRUE(WriteFileAtomically(path(name), bytes).ok());
  }
  void WriteCertificate(const TestCertificate& made) const {
    WriteFile("server.key", made.key);
    WriteFile("server.pem", made.certificate);
  }

  // A certificate of this CA with these names.
  TestCertificate Issue(const std::string& names) const {
    return ca_.Issue({.names = names});
  }
  std::shared_ptr<grpc::Channel> Connect(int port,
                                         const TestCertificate& own) const {
    return ConnectTls(port, ca_.pem(), own);
  }

  // The value of a metric's line, which begins with `series`; 0 if there is none.
  double Metric(const std::string& series) {
    const std::string text = HttpGet(ports().metrics, "/metrics");
    const size_t at = text.find("\n" + series + " ");
    if (at == std::string::npos) return 0;
    return std::stod(text.substr(at + series.size() + 2));
  }

 private:
  const TestCa ca_{"the CA"};
  const TempDir dir_;
  TestServer server_;
};

// Makes one prompt call; `certificate` gets the server's, as PEM.
inline grpc::Status CallGetPrompt(const std::shared_ptr<grpc::Channel>& channel,
                                  std::string* certificate = nullptr) {
  auto stub = v1::PromptService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  v1::GetPromptResponse response;
  const grpc::Status status =
      stub->GetPrompt(&context, SampleRequest(), &response);
  if (status.ok() && certificate != nullptr) {
    const auto values = context.auth_context()->FindPropertyValues(
        GRPC_X509_PEM_CERT_PROPERTY_NAME);
    if (!values.empty())
      certificate->assign(values[0].data(), values[0].size());
  }
  return status;
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_TLS_FIXTURE_H_
