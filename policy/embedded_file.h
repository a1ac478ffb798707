// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_EMBEDDED_FILE_H_
#define ATTUNE_POLICY_EMBEDDED_FILE_H_

// A file that becomes part of a program: the assembler copies its bytes into the
// object. For .cc files whose CMakeLists.txt names the file in OBJECT_DEPENDS, so
// that a change of it rebuilds them.
//
// Example:
//   ATTUNE_EMBEDDED_FILE(attune::server, ConsolePage, "/path/page.html")
// defines std::string_view attune::server::ConsolePage(), safe from any thread.

#include <cstddef>
#include <string_view>

#define ATTUNE_EMBEDDED_FILE(space, name, path)                                \
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
  namespace space {                                                            \
  std::string_view name() {                                                    \
    return {attune_##name##_begin,                                             \
            static_cast<size_t>(attune_##name##_end - attune_##name##_begin)}; \
  }                                                                            \
  }

#endif  // ATTUNE_POLICY_EMBEDDED_FILE_H_
