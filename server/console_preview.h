// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CONSOLE_PREVIEW_H_
#define ATTUNE_SERVER_CONSOLE_PREVIEW_H_

// What a revision would answer to a request, and why. Nothing is decided: no id, no
// token, no count, no log, no shadow. Safe to call from any thread.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/revision_registry.h"

namespace attune::server {

// `request` is a v1.GetPromptRequest as JSON; user_id is not read, since a user's
// side of a trial is: name the revision. The answer is a v1.PreviewPromptResponse as
// JSON with `patterns`, each option's probability, and `items`, what the
// revision knows of them.
//
// kInvalidArgument as GetPrompt, or if the JSON is not that; kNotFound if there is
// no such revision.
absl::StatusOr<std::string> PreviewJson(const RevisionRegistry& registry,
                                        std::string_view request);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CONSOLE_PREVIEW_H_
