// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/transport_security.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "server/certificate_set.h"
#include "server/file_io.h"
#include "server/metric_family.h"
#include "server/reloaded.h"
#include "server/tls_credentials.h"

namespace attune::server {
namespace {

constexpr int64_t kMaxRolesBytes = 1 << 20;

absl::Status NeededWith(const char* missing, const char* given) {
  return absl::InvalidArgumentError(
      absl::StrCat(missing, ": needed with ", given));
}

// Nothing is half secured.
absl::Status CheckSettings(const ServerConfig& config) {
  const bool certificate = !config.tls_cert_file.empty();
  const bool key = !config.tls_key_file.empty();
  const bool client_ca = !config.tls_client_ca_file.empty();
  const bool roles = !config.roles_file.empty();
  if (certificate && !key) return NeededWith("tls_key_file", "tls_cert_file");
  if (key && !certificate) return NeededWith("tls_cert_file", "tls_key_file");
  if (client_ca && !certificate) {
    return NeededWith("tls_cert_file", "tls_client_ca_file");
  }
  if (roles && !client_ca) {
    return NeededWith("tls_client_ca_file", "roles_file");
  }
  // Otherwise nobody could call anything.
  if (client_ca && !roles) {
    return NeededWith("roles_file", "tls_client_ca_file");
  }
  return absl::OkStatus();
}

absl::StatusOr<Roles> ReadRoles(const std::string& path) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string text,
                          ReadSmallFile(path, kMaxRolesBytes));
  auto roles = ParseRoles(text);
  if (roles.ok()) return roles;
  return absl::Status(
      roles.status().code(),
      absl::StrCat("roles_file: ", path, ": ", roles.status().message()));
}

}  // namespace

// Lives as long as a connection may need it.
class TransportSecurity::Files : public prometheus::Collectable {
 public:
  using Certificates = Reloaded<CertificateSet>;

  // `roles` may be null.
  Files(std::unique_ptr<Certificates> certificates,
        std::unique_ptr<Reloaded<Roles>> roles)
      : certificates_(std::move(certificates)), roles_(std::move(roles)) {}

  std::shared_ptr<const CertificateSet> certificates() const {
    return certificates_->Get();
  }
  std::shared_ptr<const Roles> roles() const { return roles_->Get(); }

  void Reload() {
    certificates_->Reload();
    if (roles_ != nullptr) roles_->Reload();
  }

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<std::pair<Labels, int64_t>> failures = {
        {{{"what", "certificate"}}, certificates_->failures()}};
    if (roles_ != nullptr) {
      failures.push_back({{{"what", "roles"}}, roles_->failures()});
    }
    return {CounterFamily("attune_tls_reload_failures_total", failures),
            GaugeFamily("attune_tls_certificate_expiry_seconds",
                        absl::ToDoubleSeconds(certificates()->expiry -
                                              absl::UnixEpoch()))};
  }

 private:
  const std::unique_ptr<Certificates> certificates_;
  const std::unique_ptr<Reloaded<Roles>> roles_;
};

absl::StatusOr<std::unique_ptr<TransportSecurity>> TransportSecurity::Create(
    const ServerConfig& config, std::function<absl::Time()> clock) {
  ATTUNE_RETURN_IF_ERROR(CheckSettings(config));
  if (config.tls_cert_file.empty()) {
    return std::unique_ptr<TransportSecurity>(
        new TransportSecurity(nullptr, nullptr, absl::ZeroDuration()));
  }
  const CertificateFiles paths = {config.tls_cert_file, config.tls_key_file,
                                  config.tls_client_ca_file};
  ATTUNE_ASSIGN_OR_RETURN(auto certificates,
                          Reloaded<CertificateSet>::Open(
                              "certificate", [paths, clock = std::move(clock)] {
                                return ReadCertificateSet(paths, clock());
                              }));
  std::unique_ptr<Reloaded<Roles>> roles;
  if (!config.roles_file.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(
        roles, Reloaded<Roles>::Open("roles", [path = config.roles_file] {
          return ReadRoles(path);
        }));
  }
  const bool known_clients = roles != nullptr;
  auto files =
      std::make_shared<Files>(std::move(certificates), std::move(roles));
  auto authorizer =
      known_clients
          ? std::make_shared<Authorizer>([files] { return files->roles(); })
          : nullptr;
  std::unique_ptr<TransportSecurity> security(new TransportSecurity(
      std::move(files), std::move(authorizer), config.tls_connection_age));
  security->ReloadEvery(config.tls_reload_interval);
  return security;
}

TransportSecurity::TransportSecurity(std::shared_ptr<Files> files,
                                     std::shared_ptr<Authorizer> authorizer,
                                     absl::Duration connection_age)
    : files_(std::move(files)),
      authorizer_(std::move(authorizer)),
      connection_age_(connection_age) {}

TransportSecurity::~TransportSecurity() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  if (reloader_.joinable()) reloader_.join();
}

void TransportSecurity::ReloadEvery(absl::Duration interval) {
  if (interval <= absl::ZeroDuration()) return;
  reloader_ = std::thread([this, wait = absl::ToChronoNanoseconds(interval)] {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stopped_.wait_for(lock, wait, [this] { return stop_; })) {
      lock.unlock();
      files_->Reload();
      lock.lock();
    }
  });
}

Transport TransportSecurity::transport() const {
  if (files_ == nullptr) {
    return {.credentials = grpc::InsecureServerCredentials(),
            .exposure = "without TLS and authentication; put a proxy in front"};
  }
  return {
      .credentials = MakeTlsCredentials(
          [files = files_] { return files->certificates(); }, authorizer_),
      .connection_age = connection_age_,
      .exposure = authorizer_ == nullptr
                      ? "without clients' certificates; put a proxy in front"
                      : nullptr};
}

std::vector<std::shared_ptr<prometheus::Collectable>>
TransportSecurity::collectables() const {
  std::vector<std::shared_ptr<prometheus::Collectable>> all;
  if (files_ != nullptr) all.push_back(files_);
  if (authorizer_ != nullptr) all.push_back(authorizer_);
  return all;
}

}  // namespace attune::server
