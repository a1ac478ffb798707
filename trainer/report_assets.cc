// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/report_assets.h"

#include "policy/embedded_file.h"

ATTUNE_EMBEDDED_FILE(attune::trainer, ReportPage,
                     ATTUNE_REPORT_DIR "/page.html")
ATTUNE_EMBEDDED_FILE(attune::trainer, ReportStyle,
                     ATTUNE_REPORT_DIR "/report.css")
ATTUNE_EMBEDDED_FILE(attune::trainer, ReportScript,
                     ATTUNE_REPORT_DIR "/report.js")
ATTUNE_EMBEDDED_FILE(attune::trainer, ReportLibrary, ATTUNE_D3_FILE)
