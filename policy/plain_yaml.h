// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_PLAIN_YAML_H_
#define ATTUNE_POLICY_PLAIN_YAML_H_

// Reads YAML that a stranger may have written. yaml-cpp does what a file says
// without a bound: of a file that is one comma it reads documents until the
// memory is full. Here the file's events are counted first, and nothing is built
// of a file that is more than a plain tree of a small size.
//
// A pure function; safe to call from any thread. Part of catalog.cc; not for
// other files.

#include <yaml-cpp/yaml.h>

#include <string>

#include "absl/status/statusor.h"

namespace attune::policy {

inline constexpr int kMaxYamlDepth = 16;
inline constexpr int kMaxYamlNodes = 32768;

// The file's one document. kInvalidArgument, with the line where there is one,
// if it is not valid YAML, holds an alias, is nested deeper than kMaxYamlDepth
// or has more than kMaxYamlNodes mappings, lists and scalars.
absl::StatusOr<YAML::Node> ParsePlainYaml(const std::string& text);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_PLAIN_YAML_H_
