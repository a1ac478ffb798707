// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_CLI_OUTPUT_H_
#define ATTUNE_CLIENT_CLI_OUTPUT_H_

// What the `attune` command prints, for people (Text) and for programs (Json).
// Every text ends with a line break. Pure functions.

#include <string>
#include <vector>

#include "attune/v1/policy_service.pb.h"
#include "client/log_client.h"
#include "client/policy_client.h"
#include "client/prompt.h"

namespace attune::client {

std::string PromptText(const Prompt& prompt);
// Names as in the API's proto; the token in base64, as a request's JSON takes
// it.
std::string PromptJson(const Prompt& prompt);

// One line a revision, a heading first; says so if there is none.
std::string RevisionsText(const std::vector<v1::Revision>& revisions);
std::string RevisionsJson(const std::vector<v1::Revision>& revisions);

// One revision in full.
std::string RevisionText(const v1::Revision& revision);
std::string RevisionJson(const v1::Revision& revision);

std::string PushText(const v1::PushRevisionResponse& response);
std::string PushJson(const v1::PushRevisionResponse& response);

// A pair of keys and where it is.
struct KeyFiles {
  std::string key_id;
  std::string private_path;
  std::string public_path;
};
std::string KeygenText(const KeyFiles& files);
std::string KeygenJson(const KeyFiles& files);

// What was approved, and the file that says so.
std::string SignText(const std::string& path,
                     const v1::RevisionSignature& signature);
std::string SignJson(const std::string& path,
                     const v1::RevisionSignature& signature);

std::string FeedbackText(const v1::RecordFeedbackResponse& response);
std::string FeedbackJson(const v1::RecordFeedbackResponse& response);

std::string ExportText(const ReadSummary& summary);
std::string ExportJson(const ReadSummary& summary);

std::string ForgetText(const v1::ForgetUserResponse& erased);
std::string ForgetJson(const v1::ForgetUserResponse& erased);

// Of a server that is serving; one that is not is an error.
std::string HealthText();
std::string HealthJson();

std::string TrafficText(const v1::Traffic& traffic);
std::string TrafficJson(const v1::Traffic& traffic);

// The traffic, what changed it, when and why.
std::string UpdateText(const v1::WatchRevisionsResponse& update);
// On one line.
std::string UpdateJson(const v1::WatchRevisionsResponse& update);

// A line that overwrites itself: "\rpushing 45 % (3.2 of 7.1 MiB)".
std::string ProgressText(const PushProgress& progress);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_CLI_OUTPUT_H_
