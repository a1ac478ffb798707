// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LOOPBACK_H_
#define ATTUNE_SERVER_LOOPBACK_H_

// Names of this machine for itself. Pure function; safe to call from any thread.

#include <string_view>

namespace attune::server {

// Whether `authority`, a host with or without a port ("localhost:80",
// "127.0.0.1", "[::1]:80"), can only be this machine, whatever a resolver says.
bool IsLoopback(std::string_view authority);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LOOPBACK_H_
