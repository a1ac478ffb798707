// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_CLI_TLS_FLAGS_H_
#define ATTUNE_CLIENT_CLI_TLS_FLAGS_H_

// The flags of every program that connects to a server over TLS.

#include <CLI/CLI.hpp>

#include "client/options.h"

namespace attune::client {

// `tls` must live as long as the command.
inline void AddTlsFlags(CLI::App& command, TlsOptions& tls) {
  command
      .add_option("--ca-file", tls.ca_file, "PEM file to trust; turns TLS on")
      ->envname("ATTUNE_CA_FILE");
  command
      .add_option("--cert-file", tls.cert_file,
                  "PEM certificate of yours, for a server that asks for one")
      ->envname("ATTUNE_CERT_FILE");
  command.add_option("--key-file", tls.key_file, "Its PEM key")
      ->envname("ATTUNE_KEY_FILE");
  command
      .add_option("--server-name", tls.server_name,
                  "Name in the server's certificate; default: the address's")
      ->envname("ATTUNE_SERVER_NAME");
}

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_CLI_TLS_FLAGS_H_
