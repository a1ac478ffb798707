// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_REDIS_ERROR_H_
#define ATTUNE_REDIS_ERROR_H_

// Redis' errors as statuses, by their first word:
//   kUnauthenticated     the password or the user is wrong or missing
//   kPermissionDenied    NOPERM: the user may not do this
//   kFailedPrecondition  READONLY: this is a replica (failed over?); WRONGTYPE
//   kResourceExhausted   OOM: maxmemory is reached
//   kUnavailable         LOADING, BUSY, MISCONF (the disk), MASTERDOWN, ...; also
//                        refused, lost and timed-out connections (connection.h)
//   kAlreadyExists       BUSYGROUP
//   kNotFound            NOGROUP, NOSCRIPT, UNBLOCKED (the stream was removed)
//   kInternal            anything else
// A command that was answered with an error changed nothing; one whose connection
// was lost may have been done.
//
// Pure functions; safe to call from any thread.

#include <string_view>

#include "absl/status/status.h"

namespace attune::redis {

// `where` names the Redis, `message` is its error line.
absl::Status ErrorOf(std::string_view where, std::string_view message);

// Whether the same may succeed later without anybody's doing here: after a
// failover, a restart, when memory is free again, when a password is exchanged.
bool IsTransient(const absl::Status& status);

// Whether another connection may reach a Redis that does better.
bool IsAboutConnection(const absl::Status& status);

// The kind of an error, as a metric's label: "unavailable", "unauthenticated",
// "permission", "readonly", "oom" or "other".
const char* KindOf(const absl::Status& status);

}  // namespace attune::redis

#endif  // ATTUNE_REDIS_ERROR_H_
