// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CONSOLE_ASSETS_H_
#define ATTUNE_SERVER_CONSOLE_ASSETS_H_

// The console's files, server/console, as they were when the program was built.
// Safe from any thread.

#include <string_view>

namespace attune::server {

std::string_view ConsolePage();
std::string_view ConsoleStyle();
std::string_view ConsoleScript();
std::string_view ConsoleIcon();

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CONSOLE_ASSETS_H_
