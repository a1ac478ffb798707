// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_HTTP_STOP_H_
#define ATTUNE_SERVER_HTTP_STOP_H_

// Stops a server of the HTTP library (civetweb) without its delay: it notices that
// it shall stop when a connection arrives, or after two seconds.

#include <functional>

namespace attune::server {

// Runs `stop`, which blocks until the server on loopback's `port` has stopped, and
// knocks at the port meanwhile. Blocks.
void StopHttp(int port, const std::function<void()>& stop);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_HTTP_STOP_H_
