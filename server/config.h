// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CONFIG_H_
#define ATTUNE_SERVER_CONFIG_H_

// The server's settings, each from the first of these that has it: flag
// (--data_listen), environment (ATTUNE_DATA_LISTEN; of otlp_endpoint also
// OTEL_EXPORTER_OTLP_ENDPOINT), file (data_listen: in the
// YAML or JSON file of --config), default. An unknown key is an error
// everywhere.
//
// Pure functions but for the reading of the file.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/choice.h"
#include "server/log.h"

namespace attune::server {

struct ServerConfig {
  // host:port of the listeners. Port 0: any free one.
  std::string data_listen = "127.0.0.1:50051";
  std::string control_listen = "127.0.0.1:50052";
  std::string metrics_listen = "127.0.0.1:9464";
  // Of /readyz, without TLS (health_endpoint.h); empty: there is none.
  std::string health_listen;
  // Of the console (console.h); empty: there is none.
  std::string console_listen;
  // PEM files with the server's certificate and key; empty: no TLS. With the CA
  // of the clients' certificates, each must show one. Read again every
  // tls_reload_interval (transport_security.h); 0: never.
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_client_ca_file;
  absl::Duration tls_reload_interval = absl::Seconds(10);
  // Most time that a connection with TLS lives; 0: any.
  absl::Duration tls_connection_age = absl::Minutes(30);
  // Who has which role (roles.h); needed with tls_client_ca_file, and only then.
  // Read again with the certificates.
  std::string roles_file;
  // Where the ports are written as JSON once the server listens; empty:
  // nowhere.
  std::string port_file;
  // Where revisions are kept.
  std::string revision_dir = "attune_revisions";
  // File with the public keys of which one must have signed every revision
  // (signature_gate.h); empty: revisions need no signature.
  std::string trusted_keys_file;
  // Catalog that serves, with a uniform policy, before the first revision;
  // empty: the movies catalog that was installed.
  std::string catalog;
  policy::Readout readout = policy::Readout::kLikelihood;
  // Files with the keys of decision tokens (token_keys.h); empty: a random key,
  // no previous one.
  std::string token_key_file;
  std::string token_previous_key_file;
  absl::Duration token_ttl = absl::Hours(24);
  // File with the key of users' pseudonyms, the same for all replicas and for
  // good; empty: one that the log's directory keeps.
  std::string user_key_file;
  // Where decisions and feedback are logged; empty: revision_dir/log; "off":
  // nowhere, and feedback is refused.
  std::string log_dir;
  // Size of the log's file; age of the decisions in it.
  int64_t log_max_bytes = int64_t{1} << 30;
  absl::Duration log_retention = absl::Hours(24 * 30);
  // Whether requests' histories and candidates are logged too.
  bool log_requests = false;
  // How long after a decision its feedback is accepted. At most log_retention.
  absl::Duration feedback_window = absl::Hours(24);
  // Redis that this server shares with others (scaled_out.h); empty: none. The
  // password may be in a file instead.
  std::string redis_url;
  std::string redis_password_file;
  // Before every key; servers with the same one are one.
  std::string redis_prefix = "attune:";
  // This server's name in notes to the others; empty: host name and process.
  std::string replica;
  // Most decisions and feedback that wait in Redis to be collected.
  int64_t redis_max_records = 1000000;
  // Base URL of an OpenTelemetry collector, OTLP over HTTP (traces.h); empty: no
  // spans.
  std::string otlp_endpoint;
  // File with headers for it, one "Name: value" a line; empty: none.
  std::string otlp_headers_file;
  // Share of the calls without a traceparent that have a span.
  double trace_ratio = 0.01;
  // Whether a canary that does badly is rolled back (guardrails.h).
  bool guardrails = true;
  int64_t max_revision_bytes = 64 << 20;
  // Of what is pushed, and again of its verification (pace.h); 0: as fast as it
  // comes.
  int64_t push_bytes_per_second = 16 << 20;
  int64_t max_revisions = 1000;
  // Most prompts under way; further calls are refused with RESOURCE_EXHAUSTED.
  int64_t max_calls = 1024;
  // Longest time that an admitted call waits for a thread: sets the limit lower
  // while decisions take long.
  absl::Duration max_wait = absl::Milliseconds(20);
  // Prompts and feedback of one caller under way (peer_identity.h); 0: no limit.
  int64_t max_calls_per_caller = 1024;
  // Connections to data_listen, in all and from one address (0: no limit), and
  // calls under way on one of them.
  int64_t max_connections = 4096;
  int64_t max_connections_per_address = 1024;
  int64_t max_streams = 256;
  // Time for a connection's handshake, and without a call (0: for ever); age at
  // which it is asked to end (0: never).
  absl::Duration handshake_timeout = absl::Seconds(3);
  absl::Duration idle_timeout = absl::Minutes(5);
  absl::Duration max_connection_age = absl::ZeroDuration();
  // After SIGTERM: time between "not serving" and refusing calls; time that
  // calls under way may still take.
  absl::Duration drain_delay = absl::ZeroDuration();
  absl::Duration shutdown_deadline = absl::Seconds(2);
  LogLevel log_level = LogLevel::kInfo;
};

// What a command line asks for.
struct Invocation {
  ServerConfig config;
  // If set: print it and exit (--help, --version, --print_config).
  std::optional<std::string> print;
  // ATTUNE_ variables that are no setting; worth a warning.
  std::vector<std::string> unknown_variables;
};

// Looks up an environment variable; nullopt if unset.
using Environment =
    std::function<std::optional<std::string>(const std::string& name)>;

// `args` without the program's name; `environment_names` are all variables that
// are set. kInvalidArgument names the setting and where it came from.
absl::StatusOr<Invocation> LoadConfig(
    const std::vector<std::string>& args, const Environment& environment,
    const std::vector<std::string>& environment_names);

// The catalog file of a configuration: the given one, else the first that
// exists of the places where it is installed. kNotFound if there is none.
absl::StatusOr<std::string> FindCatalog(const ServerConfig& config);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CONFIG_H_
