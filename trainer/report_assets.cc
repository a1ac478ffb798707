// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/report_assets.h"

// The assembler copies a file's bytes into the object. The build rebuilds this
// file when one of them changes (trainer/CMakeLists.txt).
#define ATTUNE_EMBED(name, path)                                               \
  asm(".pushsection .rodata\n"                                                 \
      ".global attune_" #name                                                  \
      "_begin\n"                                                               \
      "attune_" #name                                                          \
      "_begin:\n"                                                              \
      ".incbin \"" path                                                        \
      "\"\n"                                                                   \
      ".global attune_" #name                                                  \
      "_end\n"                                                                 \
      "attune_" #name                                                          \
      "_end:\n"                                                                \
      ".popsection\n");                                                        \
  extern "C" const char attune_##name##_begin[];                               \
  extern "C" const char attune_##name##_end[];                                 \
  namespace attune::trainer {                                                  \
  std::string_view name() {                                                    \
    return {attune_##name##_begin,                                             \
            static_cast<size_t>(attune_##name##_end - attune_##name##_begin)}; \
  }                                                                            \
  }  // namespace attune::trainer

ATTUNE_EMBED(ReportPage, ATTUNE_REPORT_DIR "/page.html")
ATTUNE_EMBED(ReportStyle, ATTUNE_REPORT_DIR "/report.css")
ATTUNE_EMBED(ReportScript, ATTUNE_REPORT_DIR "/report.js")
ATTUNE_EMBED(ReportLibrary, ATTUNE_D3_FILE)
