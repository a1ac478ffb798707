// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_TAGGED_CATALOG_H_
#define ATTUNE_TESTS_SERVER_TAGGED_CATALOG_H_

// Catalogs whose every prompt carries a tag, so that a prompt tells which
// catalog it is from.

#include <string>

#include "tests/server/temp_dir.h"

namespace attune::server {

inline std::string CatalogTag(const std::string& tag) {
  return "[tag " + tag + "]";
}

// The movies catalog with the tag before the history and in the prior.
inline std::string TaggedCatalogYaml(const std::string& tag) {
  std::string yaml =
      ReadFile(std::string(ATTUNE_SOURCE_DIR) + "/policy/catalogs/movies.yaml");
  for (const std::string field : {"history_intro: \"", "prior_prefix: \""}) {
    yaml.insert(yaml.find(field) + field.size(), CatalogTag(tag) + " ");
  }
  return yaml;
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_TAGGED_CATALOG_H_
