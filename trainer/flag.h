// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_FLAG_H_
#define ATTUNE_TRAINER_FLAG_H_

// One flag that the environment can set too.

#include <CLI/CLI.hpp>
#include <cctype>
#include <string>

namespace attune::trainer {

// Declares --<name>, which ATTUNE_TRAINER_<NAME> can set too.
template <typename T>
CLI::Option* Flag(CLI::App& command, const std::string& name, T& value,
                  const std::string& description) {
  std::string variable = "ATTUNE_TRAINER_";
  for (const char c : name) {
    variable += c == '-' ? '_' : static_cast<char>(std::toupper(c));
  }
  return command.add_option("--" + name, value, description)
      ->envname(variable)
      ->capture_default_str();
}

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_FLAG_H_
