// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LIBRARY_LOGS_H_
#define ATTUNE_SERVER_LIBRARY_LOGS_H_

namespace attune::server {

// Makes what gRPC and Protobuf have to say lines of our log, at debug: they
// write plain text to stderr otherwise, also whatever a caller can provoke.
// Call once, before any thread.
void CaptureLibraryLogs();

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LIBRARY_LOGS_H_
