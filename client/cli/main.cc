// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <unistd.h>

#include <iostream>

#include "client/cli/cli.h"

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  return attune::client::RunCli(std::move(arguments),
                                {.in = std::cin,
                                 .out = std::cout,
                                 .err = std::cerr,
                                 .err_is_tty = isatty(STDERR_FILENO) != 0});
}
