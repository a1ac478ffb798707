// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/tls_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace attune::server {
namespace {

using Certificates = std::function<std::shared_ptr<const CertificateSet>()>;

// What one listener's callbacks share; belongs to its credentials, which end it.
class ListenerState {
 public:
  ListenerState(Certificates certificates,
                std::shared_ptr<Authorizer> authorizer)
      : certificates_(std::move(certificates)),
        authorizer_(std::move(authorizer)) {}

  // gRPC asks before every handshake, under a lock.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* state, grpc_ssl_server_certificate_config** config) {
    auto& self = *static_cast<ListenerState*>(state);
    auto current = self.certificates_();
    if (current == self.handed_over_) {
      return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    }
    const grpc_ssl_pem_key_cert_pair pair = {current->key.c_str(),
                                             current->certificate.c_str()};
    // gRPC wants some CA also when nobody is asked for a certificate.
    const std::string& client_ca =
        self.authorizer_ == nullptr ? current->certificate : current->client_ca;
    *config =
        grpc_ssl_server_certificate_config_create(client_ca.c_str(), &pair, 1);
    self.handed_over_ = std::move(current);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  // gRPC asks at every call, before it looks for a handler.
  static void Process(void* state, grpc_auth_context* context,
                      const grpc_metadata* metadata, size_t size,
                      grpc_process_auth_metadata_done_cb done, void* call) {
    auto& self = *static_cast<ListenerState*>(state);
    const absl::Status status =
        self.authorizer_->Authorize(PathOf(metadata, size), NamesOf(context));
    done(call, nullptr, 0, nullptr, 0,
         static_cast<grpc_status_code>(status.code()),
         std::string(status.message()).c_str());
  }

  static void Destroy(void* state) {
    delete static_cast<ListenerState*>(state);
  }

 private:
  static std::string_view View(const grpc_slice& slice) {
    return {reinterpret_cast<const char*>(GRPC_SLICE_START_PTR(slice)),
            GRPC_SLICE_LENGTH(slice)};
  }

  static std::string_view PathOf(const grpc_metadata* metadata, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      if (View(metadata[i].key) == ":path") return View(metadata[i].value);
    }
    return {};
  }

  static PeerNames NamesOf(const grpc_auth_context* context) {
    PeerNames peer;
    peer.certified = grpc_auth_context_peer_is_authenticated(context) != 0;
    grpc_auth_property_iterator names =
        grpc_auth_context_find_properties_by_name(context,
                                                  GRPC_X509_SAN_PROPERTY_NAME);
    while (const grpc_auth_property* name =
               grpc_auth_property_iterator_next(&names)) {
      peer.names.emplace_back(name->value, name->value_length);
    }
    return peer;
  }

  const Certificates certificates_;
  // Null if clients show no certificate.
  const std::shared_ptr<Authorizer> authorizer_;
  std::shared_ptr<const CertificateSet> handed_over_;  // of Fetch() only
};

grpc_server_credentials* MakeCredentials(
    const Certificates& certificates,
    const std::shared_ptr<Authorizer>& authorizer) {
  auto* state = new ListenerState(certificates, authorizer);
  const bool known = authorizer != nullptr;
  grpc_server_credentials* credentials =
      grpc_ssl_server_credentials_create_with_options(
          grpc_ssl_server_credentials_create_options_using_config_fetcher(
              known ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                    : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
              ListenerState::Fetch, state));
  // Also without calls to process: it is what ends the state.
  grpc_server_credentials_set_auth_metadata_processor(
      credentials, {known ? ListenerState::Process : nullptr,
                    ListenerState::Destroy, state});
  return credentials;
}

class TlsCredentials final : public grpc::ServerCredentials {
 public:
  TlsCredentials(Certificates certificates,
                 std::shared_ptr<Authorizer> authorizer)
      : certificates_(std::move(certificates)),
        authorizer_(std::move(authorizer)) {}

  // The authorizer's place; nobody else may take it.
  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  // Each listener has credentials of its own: what was handed over to it is its
  // own matter.
  int AddPortToServer(const std::string& address,
                      grpc_server* server) override {
    grpc_server_credentials* credentials =
        MakeCredentials(certificates_, authorizer_);
    const int port =
        grpc_server_add_http2_port(server, address.c_str(), credentials);
    grpc_server_credentials_release(credentials);
    return port;
  }

  const Certificates certificates_;
  const std::shared_ptr<Authorizer> authorizer_;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    Certificates certificates, std::shared_ptr<Authorizer> authorizer) {
  return std::make_shared<TlsCredentials>(std::move(certificates),
                                          std::move(authorizer));
}

}  // namespace attune::server
