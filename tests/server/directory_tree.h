// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_DIRECTORY_TREE_H_
#define ATTUNE_TESTS_SERVER_DIRECTORY_TREE_H_

// What a directory holds, to see that nothing in it has changed.

#include <filesystem>
#include <map>
#include <string>

#include "tests/server/temp_dir.h"

namespace attune::server {

// Every file and directory below `root` by its relative path, with the files'
// bytes. Without the decision log, which is written in the background.
inline std::map<std::string, std::string> TreeOf(const std::string& root) {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> tree;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().parent_path().filename() == "log") continue;
    const std::string path = fs::relative(entry.path(), root).string();
    tree[path] = entry.is_regular_file() ? ReadFile(entry.path().string()) : "";
  }
  return tree;
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_DIRECTORY_TREE_H_
