// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_REPORT_ASSETS_H_
#define ATTUNE_TRAINER_REPORT_ASSETS_H_

// The report's files as they were when the program was built: its own from
// trainer/report, and D3 5.16 from Debian's node-d3. Safe from any thread.

#include <string_view>

namespace attune::trainer {

std::string_view ReportPage();
std::string_view ReportStyle();
std::string_view ReportScript();
std::string_view ReportLibrary();  // D3

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_REPORT_ASSETS_H_
