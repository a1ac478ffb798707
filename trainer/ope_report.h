// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_OPE_REPORT_H_
#define ATTUNE_TRAINER_OPE_REPORT_H_

// An off-policy valuation as a table and as JSON ("attune.ope/1").
//
// Pure functions; safe to call from any thread.

#include <string>
#include <vector>

#include "trainer/logged_samples.h"
#include "trainer/ope.h"

namespace attune::trainer {

// What was valued on what.
struct OpeSubject {
  std::string revision;  // ids
  std::string baseline;  // empty: the decisions as they were taken
  std::string mode;      // "sample" or "greedy"
  // What holds beyond what the log can show, in sentences.
  std::vector<std::string> notes;
};

std::string OpeTable(const OpeSubject& subject, const LoggedSamples& log,
                     const OpeReport& report);
std::string OpeJson(const OpeSubject& subject, const LoggedSamples& log,
                    const OpeReport& report);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_OPE_REPORT_H_
