// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CONSOLE_STATE_H_
#define ATTUNE_SERVER_CONSOLE_STATE_H_

// What the console shows of the server, in words that exist elsewhere: messages of
// the API and lines of the audit log as JSON, metrics by the names that Prometheus
// has for them. docs/console.md describes it.
//
// Reads the end of the audit log, so it blocks on the disk. Safe to call from any
// thread.

#include <prometheus/collectable.h>

#include <memory>
#include <string>
#include <vector>

#include "server/revision_registry.h"

namespace attune::server {

// Of the revisions that are in no traffic, the newest.
inline constexpr int kMaxShownRevisions = 50;
inline constexpr int kMaxShownChanges = 20;

std::string StateJson(
    const RevisionRegistry& registry,
    const std::vector<std::shared_ptr<prometheus::Collectable>>& collectables);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CONSOLE_STATE_H_
