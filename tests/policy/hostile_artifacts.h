// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_POLICY_HOSTILE_ARTIFACTS_H_
#define ATTUNE_TESTS_POLICY_HOSTILE_ARTIFACTS_H_

// Artifacts that somebody made to be taken and that must all be refused. Each is
// wrong in one way, and its checksum is right wherever it can be, so that the
// check behind the checksum is reached.

#include <string>
#include <vector>

namespace attune::testing {

struct HostileArtifact {
  // What is wrong with it; distinct.
  std::string name;
  std::string bytes;
  // What the refusal says, in part; empty if more than one check may find it.
  std::string says;
};

// All of them, the same on every call.
std::vector<HostileArtifact> HostileArtifacts();

// Catalogs that must not parse, by what is wrong with them.
struct HostileCatalog {
  std::string name;
  std::string yaml;
};
std::vector<HostileCatalog> HostileCatalogs();

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_POLICY_HOSTILE_ARTIFACTS_H_
