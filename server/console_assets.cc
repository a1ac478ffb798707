// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/console_assets.h"

#include "policy/embedded_file.h"

ATTUNE_EMBEDDED_FILE(attune::server, ConsolePage,
                     ATTUNE_CONSOLE_DIR "/index.html")
ATTUNE_EMBEDDED_FILE(attune::server, ConsoleStyle,
                     ATTUNE_CONSOLE_DIR "/console.css")
ATTUNE_EMBEDDED_FILE(attune::server, ConsoleScript,
                     ATTUNE_CONSOLE_DIR "/console.js")
ATTUNE_EMBEDDED_FILE(attune::server, ConsoleIcon,
                     ATTUNE_CONSOLE_DIR "/icon.svg")
